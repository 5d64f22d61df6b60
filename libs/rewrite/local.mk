# libs/rewrite: a message's header on its way in. Uses base, unicode, rfc822.
noinst_LIBRARIES += libs/rewrite/librewrite.a
libs_rewrite_librewrite_a_SOURCES = \
	libs/rewrite/rewrite.h \
	libs/rewrite/rewrite-header.c \
	libs/rewrite/rewrite-canonical.c libs/rewrite/rewrite-bang.c \
	libs/rewrite/rewrite-fields.c \
	libs/rewrite/header-facts.c

rewrite_libs = libs/rewrite/librewrite.a libs/rfc822/librfc822.a libs/unicode/libunicode.a \
	libs/base/libbase.a $(IDN2_LIBS) $(UNISTRING_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/rewrite
tests_unit_rewrite_SOURCES = tests/unit/rewrite.c
tests_unit_rewrite_LDADD = $(rewrite_libs) $(CMOCKA_LIBS)
endif

fuzz_programs += tests/fuzz/fuzz-rewrite
tests_fuzz_fuzz_rewrite_SOURCES = tests/fuzz/fuzz-rewrite.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_rewrite_LDADD = $(rewrite_libs)
tests_fuzz_fuzz_rewrite_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
check_PROGRAMS += tests/fuzz/replay-rewrite
tests_fuzz_replay_rewrite_SOURCES = tests/fuzz/fuzz-rewrite.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_rewrite_LDADD = $(rewrite_libs)
