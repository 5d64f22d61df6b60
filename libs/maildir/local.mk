# libs/maildir: Maildir++ folders, delivery, quota, UIDs, keywords. Uses base alone.
noinst_LIBRARIES += libs/maildir/libmaildir.a
libs_maildir_libmaildir_a_SOURCES = \
	libs/maildir/maildir.h \
	libs/maildir/name.c libs/maildir/name.h \
	libs/maildir/deliver.c libs/maildir/deliver.h \
	libs/maildir/quota.c libs/maildir/quota-warn.c libs/maildir/quota.h \
	libs/maildir/mbox-lock.c libs/maildir/mbox-lock.h \
	libs/maildir/mbox-heal.c libs/maildir/mbox-heal.h \
	libs/maildir/mbox-open.c libs/maildir/mbox-open.h \
	libs/maildir/tree.c libs/maildir/tree.h \
	libs/maildir/putfile.c libs/maildir/lock.c libs/maildir/uiddb.c libs/maildir/modseq.c \
	libs/maildir/modseq-text.c libs/maildir/modseq.h \
	libs/maildir/folder.c libs/maildir/folder-table.c libs/maildir/folder-change.c \
	libs/maildir/folder.h libs/maildir/folder-private.h \
	libs/maildir/keywords-read.c libs/maildir/keywords-write.c libs/maildir/keywords.h \
	libs/maildir/acl.c libs/maildir/acl-file.c libs/maildir/acl.h \
	libs/maildir/access.c libs/maildir/access.h \
	libs/maildir/shared-index.c libs/maildir/shared-index.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/maildir tests/unit/maildir-folder tests/unit/maildir-clock tests/unit/maildir-access \
	tests/unit/maildir-modseq
tests_unit_maildir_modseq_SOURCES = tests/unit/maildir-modseq.c
tests_unit_maildir_modseq_LDADD = libs/maildir/libmaildir.a libs/base/libbase.a $(CMOCKA_LIBS)
tests_unit_maildir_access_SOURCES = tests/unit/maildir-access.c
tests_unit_maildir_access_LDADD = libs/maildir/libmaildir.a libs/base/libbase.a $(CMOCKA_LIBS)
tests_unit_maildir_SOURCES = tests/unit/maildir.c
tests_unit_maildir_LDADD = libs/maildir/libmaildir.a libs/base/libbase.a $(CMOCKA_LIBS)
tests_unit_maildir_clock_SOURCES = tests/unit/maildir-clock.c
tests_unit_maildir_clock_LDADD = libs/maildir/libmaildir.a libs/base/libbase.a $(CMOCKA_LIBS)
tests_unit_maildir_folder_SOURCES = tests/unit/maildir-folder.c
tests_unit_maildir_folder_LDADD = libs/maildir/libmaildir.a libs/base/libbase.a $(CMOCKA_LIBS)
endif

fuzz_programs += tests/fuzz/fuzz-maildir
tests_fuzz_fuzz_maildir_SOURCES = tests/fuzz/fuzz-maildir.c
tests_fuzz_fuzz_maildir_LDADD = libs/maildir/libmaildir.a libs/base/libbase.a
tests_fuzz_fuzz_maildir_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

dist_man_MANS += man/maildir.5
