# libs/unicode: UTF-8, charsets, modified UTF-7, domains beyond ASCII, case folding. Uses base,
# libidn2, libunistring and (where allowed) iconv.
noinst_LIBRARIES += libs/unicode/libunicode.a
libs_unicode_libunicode_a_SOURCES = \
	libs/unicode/unicode.h \
	libs/unicode/utf8.c \
	libs/unicode/utf7.c \
	libs/unicode/domain.c \
	libs/unicode/fold.c \
	libs/unicode/charset.c

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/unicode
tests_unit_unicode_SOURCES = tests/unit/unicode.c
tests_unit_unicode_LDADD = libs/unicode/libunicode.a libs/base/libbase.a \
	$(IDN2_LIBS) $(UNISTRING_LIBS) $(CMOCKA_LIBS)
endif

unicode_libs = libs/unicode/libunicode.a libs/base/libbase.a $(IDN2_LIBS) $(UNISTRING_LIBS)
fuzz_programs += tests/fuzz/fuzz-utf7
tests_fuzz_fuzz_utf7_SOURCES = tests/fuzz/fuzz-utf7.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_utf7_LDADD = $(unicode_libs)
tests_fuzz_fuzz_utf7_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
check_PROGRAMS += tests/fuzz/replay-utf7
tests_fuzz_replay_utf7_SOURCES = tests/fuzz/fuzz-utf7.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_utf7_LDADD = $(unicode_libs)
