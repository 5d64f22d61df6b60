# filters: those that ship with the suite.
noinst_LIBRARIES += filters/libfilter-server.a filters/libverify.a
filters_libfilter_server_a_SOURCES = \
	filters/filter-settings.c filters/filter-settings.h \
	filters/filter-request.c filters/filter-request.h \
	filters/filter-control.c filters/filter-control.h \
	filters/filter-socket.c filters/filter-socket.h \
	filters/filter-server.c filters/filter-server.h \
	filters/dupfilter-hash.c filters/dupfilter-hash.h \
	filters/ratefilter-count.c filters/ratefilter-count.h
filters_libverify_a_SOURCES = \
	filters/verifyfilter-settings.c \
	filters/verifyfilter-cache.c filters/verifyfilter-cache.h \
	filters/verifyfilter-callout.c filters/verifyfilter-callout.h \
	filters/verifyfilter-conn.c filters/verifyfilter-conn.h \
	filters/verifyfilter-session.c \
	filters/verifyfilter-check.c filters/verifyfilter-check.h
filter_server_libs = filters/libfilter-server.a libs/queue/libqueue.a libs/event/libevent.a \
	libs/config/libconfig.a libs/base/libbase.a $(EVENT_LIBS)
verify_libs = filters/libverify.a libs/smtp/libsmtp.a libs/dns/libdns.a libs/tls/libtls.a \
	libs/rfc822/librfc822.a libs/unicode/libunicode.a

filters_PROGRAMS += filters/dupfilter filters/ratefilter filters/verifyfilter
filters_dupfilter_SOURCES = filters/dupfilter.c
filters_dupfilter_LDADD = $(filter_server_libs) $(OPENSSL_LIBS)
filters_ratefilter_SOURCES = filters/ratefilter.c
filters_ratefilter_LDADD = $(filter_server_libs)
filters_verifyfilter_SOURCES = filters/verifyfilter.c
filters_verifyfilter_LDADD = $(verify_libs) $(filter_server_libs) $(SERVICE_LIBS) $(UNBOUND_LIBS) \
	$(OPENSSL_LIBS) $(IDN2_LIBS) $(UNISTRING_LIBS)

bin_PROGRAMS += filters/verifysmtp
filters_verifysmtp_SOURCES = filters/verifysmtp.c
filters_verifysmtp_LDADD = $(verify_libs) filters/libfilter-server.a $(SERVICE_LIBS) $(UNBOUND_LIBS) \
	$(OPENSSL_LIBS) $(IDN2_LIBS) $(UNISTRING_LIBS)

# include files for maildrop
filterdata_generated = filters/verifysender filters/verifysenderfull
filterdatadir = $(pkgdatadir)
nodist_filterdata_DATA = $(filterdata_generated)
$(filterdata_generated): filters/bundled.mk
	$(AM_V_GEN)$(MKDIR_P) filters && sed -e 's,@bindir[@],$(bindir),g; s,@sysconfdir[@],$(sysconfdir),g' \
		-e 's,@pkgdatadir[@],$(pkgdatadir),g' $(srcdir)/$@.in >$@.tmp && mv $@.tmp $@
filters/verifysender: filters/verifysender.in
filters/verifysenderfull: filters/verifysenderfull.in
CLEANFILES += $(filterdata_generated)
EXTRA_DIST += filters/verifysender.in filters/verifysenderfull.in

# perlfilter: needs Perl's own library
if EMBED_PERL
dist_filterdata_DATA = filters/perlfilter-example.pl filters/perlfilter-ratelimit.pl
dist_man_MANS += man/perlfilter.8 man/courierperlfilter.8
noinst_LIBRARIES += filters/libperlfilter.a
filters_libperlfilter_a_SOURCES = filters/perlfilter-perl.c filters/perlfilter-perl.h
filters_libperlfilter_a_CPPFLAGS = $(AM_CPPFLAGS) $(PERL_EMBED_CFLAGS)
filters_PROGRAMS += filters/perlfilter
filters_perlfilter_SOURCES = filters/perlfilter.c
filters_perlfilter_LDADD = filters/libperlfilter.a $(filter_server_libs) $(PERL_EMBED_LIBS)
endif

filter_test_libs = $(verify_libs) $(filter_server_libs) $(SERVICE_LIBS) $(UNBOUND_LIBS) \
	$(OPENSSL_LIBS) $(IDN2_LIBS) $(UNISTRING_LIBS)
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/filters
tests_unit_filters_SOURCES = tests/unit/filters.c
tests_unit_filters_LDADD = $(filter_test_libs) $(CMOCKA_LIBS)
endif
fuzz_programs += tests/fuzz/fuzz-filter-request
tests_fuzz_fuzz_filter_request_SOURCES = tests/fuzz/fuzz-filter-request.c
tests_fuzz_fuzz_filter_request_LDADD = $(filter_test_libs)
tests_fuzz_fuzz_filter_request_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

dist_man_MANS += man/dupfilter.8 man/ratefilter.8 man/verifyfilter.8 man/verifysmtp.1
