# libs/filter: the delivery language (engine), and deliveries by it (drop).
noinst_LIBRARIES += libs/filter/libfilter.a libs/filter/libdrop.a
libs_filter_libfilter_a_SOURCES = \
	libs/filter/filter.h libs/filter/filter-private.h \
	libs/filter/lex.c libs/filter/parse.c libs/filter/eval.c libs/filter/call.c \
	libs/filter/run.c libs/filter/variables.c libs/filter/pattern.c libs/filter/view.c libs/filter/cache.c
libs_filter_libfilter_a_CPPFLAGS = $(AM_CPPFLAGS) $(PCRE2_CFLAGS)
filter_libs = libs/filter/libfilter.a libs/mime/libmime.a libs/rfc822/librfc822.a \
	libs/unicode/libunicode.a libs/base/libbase.a $(PCRE2_LIBS) $(UNISTRING_LIBS) $(IDN2_LIBS) -lm

libs_filter_libdrop_a_SOURCES = \
	libs/filter/drop.h libs/filter/drop-private.h \
	libs/filter/drop.c libs/filter/drop-variables.c libs/filter/drop-follow.c \
	libs/filter/drop-actions.c libs/filter/drop-message.c libs/filter/drop-deliver.c \
	libs/filter/drop-mbox.c libs/filter/drop-program.c libs/filter/drop-db.c \
	libs/filter/drop-log.c libs/filter/drop-settings.c libs/filter/drop-trace.c libs/filter/drop-settings.h
drop_libs = libs/filter/libdrop.a libs/maildir/libmaildir.a libs/table/libtable.a \
	libs/config/libconfig.a $(filter_libs) $(DB_LIBS)

fuzz_programs += tests/fuzz/fuzz-filter
tests_fuzz_fuzz_filter_SOURCES = tests/fuzz/fuzz-filter.c
tests_fuzz_fuzz_filter_LDADD = $(filter_libs)
tests_fuzz_fuzz_filter_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
