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
