# fax: mail for fax numbers.
noinst_LIBRARIES += fax/libfax.a
fax_libfax_a_SOURCES = fax/fax.h fax/dial.c fax/faxrc.c fax/cover.c fax/document.c fax/fax-settings.c
fax_pure_libs = fax/libfax.a libs/mime/libmime.a libs/rfc822/librfc822.a libs/unicode/libunicode.a \
	libs/config/libconfig.a libs/base/libbase.a $(IDN2_LIBS) $(UNISTRING_LIBS)

fax_converters = fax/faxmail/init fax/faxmail/text-plain.filter fax/faxmail/coverpage \
	fax/faxmail/application-postscript.filter fax/faxmail/application-pdf.filter \
	fax/faxmail/image-png.filter fax/faxmail/image-gif.filter fax/faxmail/image-jpeg.filter \
	fax/faxmail/send
EXTRA_DIST += $(fax_converters) fax/faxmail/new_fax.in
CLEANFILES += fax/faxmail/new_fax

fax/faxmail/new_fax: fax/faxmail/new_fax.in Makefile
	$(AM_V_GEN)$(MKDIR_P) fax/faxmail && sed -e 's,@sysconfdir[@],$(sysconfdir),' -e 's,@bindir[@],$(bindir),' \
		$(srcdir)/fax/faxmail/new_fax.in >$@.tmp && chmod 755 $@.tmp && mv $@.tmp $@

if FAX
pkglibexec_PROGRAMS += courierfax
faxmaildir = $(pkglibexec)/faxmail
faxmail_SCRIPTS = $(fax_converters) fax/faxmail/new_fax
dist_man_MANS += man/courierfax.8
etc_files += etc/module.fax.dist etc/faxrc etc/faxnotifyrc etc/faxcoverpage.tr
endif
courierfax_SOURCES = fax/fax-main.c fax/fax-job.c fax/fax-job.h fax/fax-folder.c fax/fax-folder.h
courierfax_LDADD = fax/libfax.a libs/module/libmodule.a libs/mime/libmime.a libs/rfc822/librfc822.a \
	libs/unicode/libunicode.a $(SERVICE_LIBS) $(IDN2_LIBS) $(UNISTRING_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/fax
tests_unit_fax_SOURCES = tests/unit/fax.c
tests_unit_fax_LDADD = $(fax_pure_libs) $(CMOCKA_LIBS)
endif

fuzz_programs += tests/fuzz/fuzz-fax
tests_fuzz_fuzz_fax_SOURCES = tests/fuzz/fuzz-fax.c
tests_fuzz_fuzz_fax_LDADD = $(fax_pure_libs)
tests_fuzz_fuzz_fax_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
