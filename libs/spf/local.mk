# libs/spf: Sender Policy Framework.  Uses base, unicode, event, dns.
noinst_LIBRARIES += libs/spf/libspf.a
libs_spf_libspf_a_SOURCES = \
	libs/spf/spf.h libs/spf/spf-private.h \
	libs/spf/record.c libs/spf/macro.c libs/spf/address.c libs/spf/mechanism.c \
	libs/spf/expand.c libs/spf/evaluate.c libs/spf/check.c

# The evaluator alone: check.o, which needs the loop, is not taken out of the library.
spf_pure = libs/spf/libspf.a $(dns_pure)
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/spf
tests_unit_spf_SOURCES = tests/unit/spf.c
tests_unit_spf_LDADD = $(spf_pure) $(CMOCKA_LIBS)
endif

fuzz_programs += tests/fuzz/fuzz-spf
tests_fuzz_fuzz_spf_SOURCES = tests/fuzz/fuzz-spf.c
tests_fuzz_fuzz_spf_LDADD = $(spf_pure)
tests_fuzz_fuzz_spf_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

bin_PROGRAMS += testspf
testspf_SOURCES = libs/spf/testspf-main.c
testspf_LDADD = libs/spf/libspf.a libs/dns/libdns.a libs/unicode/libunicode.a $(SERVICE_LIBS) \
	$(UNBOUND_LIBS) $(IDN2_LIBS) $(UNISTRING_LIBS)
dist_man_MANS += man/testspf.1
