# dsn: the module that tells senders what became of their mail (RFC 3461, 3464, 6522, 6533).
# The history's text is written by the scheduler, so it is a library of its own.
noinst_LIBRARIES += dsn/libdsnhistory.a
dsn_libdsnhistory_a_SOURCES = dsn/dsn-history.c dsn/dsn-history.h

noinst_LIBRARIES += dsn/libdsn.a
dsn_libdsn_a_SOURCES = dsn/dsn-settings.c dsn/dsn-settings.h \
	dsn/compose.c dsn/compose.h dsn/templates.c dsn/templates.h
dsn_pure = dsn/libdsn.a dsn/libdsnhistory.a libs/smtp/libsmtp.a libs/unicode/libunicode.a libs/config/libconfig.a \
	libs/base/libbase.a $(IDN2_LIBS) $(UNISTRING_LIBS)

pkglibexec_PROGRAMS += courierdsn
courierdsn_SOURCES = dsn/main.c
courierdsn_LDADD = dsn/libdsn.a dsn/libdsnhistory.a libs/module/libmodule.a libs/gate/libgate.a \
	libs/smtp/libsmtp.a libs/unicode/libunicode.a $(SERVICE_LIBS) $(IDN2_LIBS) $(UNISTRING_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/dsn
tests_unit_dsn_SOURCES = tests/unit/dsn.c
tests_unit_dsn_LDADD = $(dsn_pure) $(CMOCKA_LIBS)
endif

fuzz_programs += tests/fuzz/fuzz-dsn
tests_fuzz_fuzz_dsn_SOURCES = tests/fuzz/fuzz-dsn.c
tests_fuzz_fuzz_dsn_LDADD = $(dsn_pure)
tests_fuzz_fuzz_dsn_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

etc_files += etc/module.dsn etc/dsnheader.txt etc/dsnfailed.txt etc/dsndelayed.txt \
	etc/dsnrelayed.txt etc/dsndelivered.txt etc/dsnfooter.txt etc/dsnsubjectnotice.txt \
	etc/dsnsubjectwarn.txt
dist_man_MANS += man/courierdsn.8
