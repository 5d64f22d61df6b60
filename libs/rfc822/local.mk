# libs/rfc822: header fields, addresses, SMTP paths, dates, message ids. Uses base and unicode.
noinst_LIBRARIES += libs/rfc822/librfc822.a
libs_rfc822_librfc822_a_SOURCES = \
	libs/rfc822/rfc822.h \
	libs/rfc822/mailaddr-private.h \
	libs/rfc822/comment.c \
	libs/rfc822/header.c \
	libs/rfc822/mailaddr-lex.c \
	libs/rfc822/mailaddr-parse.c \
	libs/rfc822/mailaddr-print.c \
	libs/rfc822/mailpath.c \
	libs/rfc822/verp.c \
	libs/rfc822/maildate.c \
	libs/rfc822/msgid.c \
	libs/rfc822/subject.c

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/rfc822
tests_unit_rfc822_SOURCES = tests/unit/rfc822.c tests/unit/rfc822-path.c \
	tests/unit/rfc822-text.c tests/unit/rfc822-verp.c tests/unit/rfc822-tests.h
tests_unit_rfc822_LDADD = libs/rfc822/librfc822.a libs/unicode/libunicode.a \
	libs/base/libbase.a $(IDN2_LIBS) $(UNISTRING_LIBS) $(CMOCKA_LIBS)
endif

rfc822_libs = libs/rfc822/librfc822.a $(unicode_libs)
fuzz_programs += tests/fuzz/fuzz-address
tests_fuzz_fuzz_address_SOURCES = tests/fuzz/fuzz-address.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_address_LDADD = $(rfc822_libs)
tests_fuzz_fuzz_address_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
fuzz_programs += tests/fuzz/fuzz-header
tests_fuzz_fuzz_header_SOURCES = tests/fuzz/fuzz-header.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_header_LDADD = $(rfc822_libs)
tests_fuzz_fuzz_header_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
fuzz_programs += tests/fuzz/fuzz-date
tests_fuzz_fuzz_date_SOURCES = tests/fuzz/fuzz-date.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_date_LDADD = $(rfc822_libs)
tests_fuzz_fuzz_date_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
check_PROGRAMS += tests/fuzz/replay-address
tests_fuzz_replay_address_SOURCES = tests/fuzz/fuzz-address.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_address_LDADD = $(rfc822_libs)
check_PROGRAMS += tests/fuzz/replay-header
tests_fuzz_replay_header_SOURCES = tests/fuzz/fuzz-header.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_header_LDADD = $(rfc822_libs)
check_PROGRAMS += tests/fuzz/replay-date
tests_fuzz_replay_date_SOURCES = tests/fuzz/fuzz-date.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_date_LDADD = $(rfc822_libs)
