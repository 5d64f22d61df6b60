# bench: adapters for load rigs, and what was measured.
EXTRA_DIST += bench/adapters/mta.sh bench/adapters/access.sh bench/RESULTS

# Built when it is asked for: make bench/tls-load
EXTRA_PROGRAMS += bench/tls-load
bench_tls_load_SOURCES = bench/tls-load.c
bench_tls_load_LDADD = libs/base/libbase.a $(OPENSSL_LIBS)
