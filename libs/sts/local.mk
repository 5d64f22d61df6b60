# libs/sts: MTA-STS.  Uses base, event, dns.  policy.o, entry.o and cache.o need no libcurl.
noinst_LIBRARIES += libs/sts/libsts.a
libs_sts_libsts_a_SOURCES = \
	libs/sts/sts.h libs/sts/policy.c libs/sts/entry.c \
	libs/sts/no-tls.c libs/sts/no-tls.h \
	libs/sts/cache.c libs/sts/cache.h \
	libs/sts/fetch.c libs/sts/fetch.h \
	libs/sts/discover.c libs/sts/discover.h

sts_pure = libs/sts/libsts.a libs/base/libbase.a
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/sts
tests_unit_sts_SOURCES = tests/unit/sts.c
tests_unit_sts_LDADD = $(sts_pure) $(CMOCKA_LIBS)
endif

fuzz_programs += tests/fuzz/fuzz-sts
tests_fuzz_fuzz_sts_SOURCES = tests/fuzz/fuzz-sts.c
tests_fuzz_fuzz_sts_LDADD = $(sts_pure)
tests_fuzz_fuzz_sts_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
