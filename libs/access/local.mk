# libs/access: what a client's address decides (smtpaccess, lists of the DNS, PROXY headers); pure.
noinst_LIBRARIES += libs/access/libaccess.a
libs_access_libaccess_a_SOURCES = libs/access/access.h libs/access/address.c libs/access/text.c libs/access/memory.c \
	libs/access/options.h libs/access/options.c libs/access/dnslist.h libs/access/dnslist.c \
	libs/access/proxy.h libs/access/proxy.c libs/access/proxy-take.c

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/access
tests_unit_access_SOURCES = tests/unit/access.c
tests_unit_access_LDADD = libs/access/libaccess.a libs/base/libbase.a $(CMOCKA_LIBS)
endif

fuzz_programs += tests/fuzz/fuzz-access-options
tests_fuzz_fuzz_access_options_SOURCES = tests/fuzz/fuzz-access-options.c
tests_fuzz_fuzz_access_options_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_fuzz_fuzz_access_options_LDADD = libs/access/libaccess.a libs/base/libbase.a
tests_fuzz_fuzz_access_options_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
fuzz_programs += tests/fuzz/fuzz-proxy-header
tests_fuzz_fuzz_proxy_header_SOURCES = tests/fuzz/fuzz-proxy-header.c
tests_fuzz_fuzz_proxy_header_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_fuzz_fuzz_proxy_header_LDADD = libs/access/libaccess.a libs/base/libbase.a
tests_fuzz_fuzz_proxy_header_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
