# libs/dns: asynchronous look-ups over libunbound. Uses base, unicode, event, config (instance.h).
noinst_LIBRARIES += libs/dns/libdns.a
libs_dns_libdns_a_SOURCES = \
	libs/dns/dns.h libs/dns/dns-private.h \
	libs/dns/rdata.c libs/dns/rdata.h \
	libs/dns/resolver-file.c libs/dns/resolver.c \
	libs/dns/query.c libs/dns/engine.c libs/dns/mx-order.c libs/dns/mx.c libs/dns/reverse.c

dns_pure = libs/dns/libdns.a libs/unicode/libunicode.a libs/base/libbase.a \
	$(IDN2_LIBS) $(UNISTRING_LIBS)
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/dns
tests_unit_dns_SOURCES = tests/unit/dns.c
tests_unit_dns_LDADD = $(dns_pure) $(CMOCKA_LIBS)
endif

fuzz_programs += tests/fuzz/fuzz-dns-rdata
tests_fuzz_fuzz_dns_rdata_SOURCES = tests/fuzz/fuzz-dns-rdata.c
tests_fuzz_fuzz_dns_rdata_LDADD = $(dns_pure)
tests_fuzz_fuzz_dns_rdata_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

dist_man_MANS += man/courier-resolver.5
