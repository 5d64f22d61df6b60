# tcpd: tools for servers of an administrator's own: TCP, the log, TLS.
noinst_LIBRARIES += tcpd/libtcpd.a
tcpd_libtcpd_a_SOURCES = tcpd/words.h tcpd/words.c tcpd/daemon.h tcpd/daemon.c

sbin_PROGRAMS += couriertcpd
couriertcpd_core = tcpd/tcpd.h tcpd/ports.c tcpd/slots.c tcpd/environment.c
couriertcpd_SOURCES = tcpd/main.c tcpd/client.c tcpd/listen.c tcpd/lists.c tcpd/logger.c tcpd/spawn.c $(couriertcpd_core)
couriertcpd_LDADD = tcpd/libtcpd.a libs/access/libaccess.a libs/table/libtable.a libs/dns/libdns.a \
	libs/unicode/libunicode.a $(SERVICE_LIBS) $(UNBOUND_LIBS) $(DB_LIBS) $(IDN2_LIBS) $(UNISTRING_LIBS)

sbin_PROGRAMS += courierlogger
courierlogger_SOURCES = tcpd/courierlogger.c
courierlogger_LDADD = tcpd/libtcpd.a libs/event/libevent.a libs/base/libbase.a $(EVENT_LIBS)

bin_PROGRAMS += couriertls
couriertls_SOURCES = tcpd/couriertls.h tcpd/couriertls.c tcpd/tls-context.c tcpd/tls-dial.c tcpd/tls-peer.c tcpd/tls-pump.c
couriertls_LDADD = tcpd/libtcpd.a libs/base/libbase.a $(OPENSSL_LIBS)

sbin_PROGRAMS += mkdhparams
mkdhparams_SOURCES = tcpd/mkdhparams.c
mkdhparams_LDADD = libs/config/libconfig.a libs/base/libbase.a $(OPENSSL_LIBS)

dist_man_MANS += man/couriertcpd.1 man/courierlogger.1 man/couriertls.1 man/mkdhparams.8

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/tcpd
tests_unit_tcpd_SOURCES = tests/unit/tcpd.c $(couriertcpd_core) tcpd/couriertls.h tcpd/tls-peer.c
tests_unit_tcpd_LDADD = tcpd/libtcpd.a libs/access/libaccess.a libs/base/libbase.a $(OPENSSL_LIBS) $(CMOCKA_LIBS)
endif

fuzz_programs += tests/fuzz/fuzz-tcpd-ports
tests_fuzz_fuzz_tcpd_ports_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_fuzz_fuzz_tcpd_ports_SOURCES = tests/fuzz/fuzz-tcpd-ports.c tcpd/tcpd.h tcpd/ports.c
tests_fuzz_fuzz_tcpd_ports_LDADD = libs/access/libaccess.a libs/base/libbase.a
tests_fuzz_fuzz_tcpd_ports_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
