# libs/mime: structure and encodings of messages. Uses base, unicode, rfc822.
noinst_LIBRARIES += libs/mime/libmime.a
libs_mime_libmime_a_SOURCES = \
	libs/mime/mime.h \
	libs/mime/mime-private.h \
	libs/mime/mime-parse.c \
	libs/mime/mime-part.c \
	libs/mime/mime-field.c \
	libs/mime/mime-find.c \
	libs/mime/mime-convert.h \
	libs/mime/mime-convert.c \
	libs/mime/mime-plan.c \
	libs/mime/mime-header-ascii.c \
	libs/mime/mime-param.c \
	libs/mime/mime-words.c \
	libs/mime/mime-decode.c \
	libs/mime/mime-encode.c \
	libs/mime/mime-words-encode.c

mime_libs = libs/mime/libmime.a libs/rfc822/librfc822.a libs/unicode/libunicode.a \
	libs/base/libbase.a $(IDN2_LIBS) $(UNISTRING_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/mime
tests_unit_mime_SOURCES = tests/unit/mime.c
tests_unit_mime_LDADD = $(mime_libs) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/mime-lines
tests_unit_mime_lines_SOURCES = tests/unit/mime-lines.c
tests_unit_mime_lines_LDADD = $(mime_libs) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/mime-text
tests_unit_mime_text_SOURCES = tests/unit/mime-text.c
tests_unit_mime_text_LDADD = $(mime_libs) $(CMOCKA_LIBS)
endif

fuzz_programs += tests/fuzz/fuzz-mime
tests_fuzz_fuzz_mime_SOURCES = tests/fuzz/fuzz-mime.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_mime_LDADD = $(mime_libs)
tests_fuzz_fuzz_mime_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
fuzz_programs += tests/fuzz/fuzz-mime-lines
tests_fuzz_fuzz_mime_lines_SOURCES = tests/fuzz/fuzz-mime-lines.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_mime_lines_LDADD = $(mime_libs)
tests_fuzz_fuzz_mime_lines_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
fuzz_programs += tests/fuzz/fuzz-rfc2047
tests_fuzz_fuzz_rfc2047_SOURCES = tests/fuzz/fuzz-rfc2047.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_rfc2047_LDADD = $(mime_libs)
tests_fuzz_fuzz_rfc2047_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
fuzz_programs += tests/fuzz/fuzz-codec
tests_fuzz_fuzz_codec_SOURCES = tests/fuzz/fuzz-codec.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_codec_LDADD = $(mime_libs)
tests_fuzz_fuzz_codec_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
check_PROGRAMS += tests/fuzz/replay-mime
tests_fuzz_replay_mime_SOURCES = tests/fuzz/fuzz-mime.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_mime_LDADD = $(mime_libs)
check_PROGRAMS += tests/fuzz/replay-rfc2047
tests_fuzz_replay_rfc2047_SOURCES = tests/fuzz/fuzz-rfc2047.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_rfc2047_LDADD = $(mime_libs)
check_PROGRAMS += tests/fuzz/replay-codec
tests_fuzz_replay_codec_SOURCES = tests/fuzz/fuzz-codec.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_codec_LDADD = $(mime_libs)
fuzz_programs += tests/fuzz/fuzz-mimeconvert
tests_fuzz_fuzz_mimeconvert_SOURCES = tests/fuzz/fuzz-mimeconvert.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_mimeconvert_LDADD = $(mime_libs)
tests_fuzz_fuzz_mimeconvert_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
check_PROGRAMS += tests/fuzz/replay-mimeconvert
tests_fuzz_replay_mimeconvert_SOURCES = tests/fuzz/fuzz-mimeconvert.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_mimeconvert_LDADD = $(mime_libs)
noinst_PROGRAMS += tests/tools/mime-convert
tests_tools_mime_convert_SOURCES = tests/tools/mime-convert.c
tests_tools_mime_convert_LDADD = $(mime_libs)
EXTRA_DIST += tests/mime/convert.cases
