# libs/rfc822: header fields, addresses, SMTP paths, dates, message ids. Uses base and unicode.
noinst_LIBRARIES += libs/rfc822/librfc822.a
libs_rfc822_librfc822_a_SOURCES = \
	libs/rfc822/rfc822.h \
	libs/rfc822/mailaddr-private.h \
	libs/rfc822/header.c \
	libs/rfc822/mailaddr-lex.c \
	libs/rfc822/mailaddr-parse.c \
	libs/rfc822/mailaddr-print.c \
	libs/rfc822/mailpath.c \
	libs/rfc822/maildate.c \
	libs/rfc822/msgid.c \
	libs/rfc822/subject.c

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/rfc822
tests_unit_rfc822_SOURCES = tests/unit/rfc822.c tests/unit/rfc822-path.c \
	tests/unit/rfc822-text.c tests/unit/rfc822-tests.h
tests_unit_rfc822_LDADD = libs/rfc822/librfc822.a libs/unicode/libunicode.a \
	libs/base/libbase.a $(IDN2_LIBS) $(UNISTRING_LIBS) $(CMOCKA_LIBS)
endif
