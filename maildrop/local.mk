# maildrop: the delivery language, the program, and the tools for messages and mailboxes.
noinst_LIBRARIES += maildrop/libmailtool.a
maildrop_libmailtool_a_SOURCES = \
	maildrop/charset-out.c maildrop/charset-out.h
bin_PROGRAMS += maildrop/maildrop
maildrop_maildrop_SOURCES = maildrop/drop-main.c maildrop/drop-options.c maildrop/drop-options.h \
	maildrop/drop-account.c maildrop/drop-account.h \
	local/local-settings.c local/local-settings.h
maildrop_maildrop_LDADD = libs/auth/libauth.a $(drop_libs)

bin_PROGRAMS += maildrop/maildirmake maildrop/deliverquota maildrop/lockmail maildrop/reformail
maildrop_maildirmake_SOURCES = maildrop/maildirmake.c
maildrop_maildirmake_LDADD = libs/maildir/libmaildir.a libs/unicode/libunicode.a \
	libs/base/libbase.a $(UNISTRING_LIBS) $(IDN2_LIBS)
maildrop_deliverquota_SOURCES = maildrop/deliverquota.c
maildrop_deliverquota_LDADD = libs/maildir/libmaildir.a libs/base/libbase.a
maildrop_lockmail_SOURCES = maildrop/lockmail.c
maildrop_lockmail_LDADD = maildrop/libmailtool.a libs/maildir/libmaildir.a libs/base/libbase.a
maildrop_reformail_SOURCES = maildrop/reformail.c maildrop/reformail.h maildrop/reformail-split.c
maildrop_reformail_LDADD = maildrop/libmailtool.a libs/maildir/libmaildir.a libs/rfc822/librfc822.a \
	libs/unicode/libunicode.a libs/base/libbase.a $(UNISTRING_LIBS) $(IDN2_LIBS)

bin_PROGRAMS += maildrop/makedat
maildrop_makedat_SOURCES = maildrop/makedat.c maildrop/makedat-net.c maildrop/makedat-net.h
maildrop_makedat_LDADD = libs/table/libtable.a libs/config/libconfig.a libs/base/libbase.a $(DB_LIBS)

bin_PROGRAMS += maildrop/maildiracl maildrop/maildirkw maildrop/maildirwatch
maildrop_maildiracl_SOURCES = maildrop/maildiracl.c
maildrop_maildiracl_LDADD = libs/maildir/libmaildir.a libs/base/libbase.a
maildrop_maildirkw_SOURCES = maildrop/maildirkw.c
maildrop_maildirkw_LDADD = libs/maildir/libmaildir.a libs/base/libbase.a
maildrop_maildirwatch_SOURCES = maildrop/maildirwatch.c
maildrop_maildirwatch_LDADD = libs/maildir/libmaildir.a libs/base/libbase.a
sbin_PROGRAMS += maildrop/sharedindexinstall maildrop/sharedindexsplit
maildrop_sharedindexinstall_SOURCES = maildrop/sharedindexinstall.c
maildrop_sharedindexinstall_LDADD = libs/config/libconfig.a libs/base/libbase.a
maildrop_sharedindexsplit_SOURCES = maildrop/sharedindexsplit.c
maildrop_sharedindexsplit_LDADD = libs/unicode/libunicode.a libs/base/libbase.a $(UNISTRING_LIBS) \
	$(IDN2_LIBS)

bin_PROGRAMS += maildrop/mimegpg
maildrop_mimegpg_SOURCES = maildrop/mimegpg.c maildrop/mimegpg.h maildrop/mimegpg-run.c \
	maildrop/mimegpg-protect.c maildrop/mimegpg-open.c
maildrop_mimegpg_LDADD = libs/mime/libmime.a libs/rfc822/librfc822.a libs/unicode/libunicode.a \
	libs/base/libbase.a $(UNISTRING_LIBS) $(IDN2_LIBS)

bin_PROGRAMS += maildrop/reformime
maildrop_reformime_SOURCES = maildrop/reformime.c maildrop/reformime.h maildrop/reformime-show.c \
	maildrop/reformime-save.c maildrop/reformime-report.c maildrop/reformime-header.c \
	maildrop/reformime-write.c
maildrop_reformime_LDADD = maildrop/libmailtool.a libs/mime/libmime.a libs/rfc822/librfc822.a libs/unicode/libunicode.a \
	libs/base/libbase.a $(UNISTRING_LIBS) $(IDN2_LIBS)

bin_PROGRAMS += maildrop/mailbot
maildrop_mailbot_SOURCES = maildrop/mailbot.c maildrop/mailbot.h maildrop/mailbot-decide.c \
	maildrop/mailbot-seen.c maildrop/mailbot-text.c maildrop/mailbot-compose.c
maildrop_mailbot_LDADD = maildrop/libmailtool.a libs/table/libtable.a libs/mime/libmime.a \
	libs/rfc822/librfc822.a libs/unicode/libunicode.a libs/base/libbase.a $(UNISTRING_LIBS) \
	$(IDN2_LIBS) $(DB_LIBS)

bin_PROGRAMS += maildrop/makemime
maildrop_makemime_SOURCES = maildrop/makemime.c maildrop/makemime-words.c maildrop/makemime.h
maildrop_makemime_LDADD = libs/mime/libmime.a libs/rfc822/librfc822.a libs/unicode/libunicode.a \
	libs/base/libbase.a $(UNISTRING_LIBS) $(IDN2_LIBS)

EXTRA_DIST += tests/filter/language.cases tests/filter/recipes.cases tests/filter/terms.tsv
dist_man_MANS += man/maildrop.1 man/maildropfilter.7
dist_man_MANS += man/maildiracl.1 man/maildirkw.1 man/maildirwatch.1 man/mimegpg.1
dist_man_MANS += man/sharedindexinstall.8 man/sharedindexsplit.8
dist_man_MANS += man/maildirmake.1 man/deliverquota.8 man/lockmail.1 man/reformail.1
dist_man_MANS += man/makedat.1 man/mailbot.1 man/makemime.1 man/reformime.1
