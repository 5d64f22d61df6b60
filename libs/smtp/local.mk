# libs/smtp: the words of SMTP, pure, and how connections to other hosts begin. Above libs/rfc822.
noinst_LIBRARIES += libs/smtp/libsmtp.a
libs_smtp_libsmtp_a_SOURCES = \
	libs/smtp/smtp.h \
	libs/smtp/command.c \
	libs/smtp/param.c libs/smtp/values.c libs/smtp/values.h \
	libs/smtp/ext.c libs/smtp/bdat.c \
	libs/smtp/line.c \
	libs/smtp/data.c \
	libs/smtp/reply.c libs/smtp/reply.h \
	libs/smtp/reply-read.c libs/smtp/reply-read.h \
	libs/smtp/routes.c libs/smtp/routes.h \
	libs/smtp/socks.c libs/smtp/socks.h libs/smtp/socks-stream.c libs/smtp/socks-stream.h \
	libs/smtp/outgoing.c libs/smtp/outgoing.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/smtp
tests_unit_smtp_SOURCES = tests/unit/smtp.c
tests_unit_smtp_LDADD = libs/smtp/libsmtp.a libs/base/libbase.a $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/smtp-stuff
tests_unit_smtp_stuff_SOURCES = tests/unit/smtp-stuff.c
tests_unit_smtp_stuff_LDADD = libs/smtp/libsmtp.a libs/base/libbase.a $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/smtp-ext
tests_unit_smtp_ext_SOURCES = tests/unit/smtp-ext.c
tests_unit_smtp_ext_LDADD = libs/smtp/libsmtp.a libs/rfc822/librfc822.a libs/unicode/libunicode.a \
	libs/base/libbase.a $(CMOCKA_LIBS) $(IDN2_LIBS) $(UNISTRING_LIBS)
endif

fuzz_programs += tests/fuzz/fuzz-smtp
tests_fuzz_fuzz_smtp_SOURCES = tests/fuzz/fuzz-smtp.c
tests_fuzz_fuzz_smtp_LDADD = libs/smtp/libsmtp.a libs/rfc822/librfc822.a libs/unicode/libunicode.a \
	libs/base/libbase.a $(IDN2_LIBS) $(UNISTRING_LIBS)
tests_fuzz_fuzz_smtp_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

fuzz_programs += tests/fuzz/fuzz-socks
tests_fuzz_fuzz_socks_SOURCES = tests/fuzz/fuzz-socks.c
tests_fuzz_fuzz_socks_LDADD = libs/smtp/libsmtp.a libs/base/libbase.a
tests_fuzz_fuzz_socks_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
