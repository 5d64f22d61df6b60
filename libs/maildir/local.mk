# libs/maildir: Maildir++ folders, delivery, quota, UIDs, keywords. Uses base alone.
noinst_LIBRARIES += libs/maildir/libmaildir.a
libs_maildir_libmaildir_a_SOURCES = \
	libs/maildir/maildir.h \
	libs/maildir/name.c libs/maildir/name.h \
	libs/maildir/deliver.c libs/maildir/deliver.h \
	libs/maildir/quota.c libs/maildir/quota.h \
	libs/maildir/tree.c libs/maildir/tree.h \
	libs/maildir/keywords-write.c libs/maildir/keywords.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/maildir
tests_unit_maildir_SOURCES = tests/unit/maildir.c
tests_unit_maildir_LDADD = libs/maildir/libmaildir.a libs/base/libbase.a $(CMOCKA_LIBS)
endif
