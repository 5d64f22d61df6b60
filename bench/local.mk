# bench: adapters for load rigs, and what was measured.
EXTRA_DIST += bench/adapters/mta.sh bench/adapters/access.sh bench/RESULTS bench/filters bench/edge-load
noinst_PROGRAMS += bench/filter-rate
bench_filter_rate_SOURCES = bench/filter-rate.c tests/lib/worker-edge.c tests/lib/worker-edge.h
bench_filter_rate_LDADD = local/libworkerproto.a libs/broker/libbroker.a libs/ipc/libipc.a \
	libs/event/libevent.a libs/config/libconfig.a libs/base/libbase.a $(EVENT_LIBS)

# Built when it is asked for: make bench/tls-load
EXTRA_PROGRAMS += bench/tls-load
bench_tls_load_SOURCES = bench/tls-load.c
bench_tls_load_LDADD = libs/base/libbase.a $(OPENSSL_LIBS)
