# authdaemon: who is this, may they enter, where do they live; and the tools for accounts.
noinst_LIBRARIES += authdaemon/libuserdb.a authdaemon/libauthdaemon.a
authdaemon_libuserdb_a_SOURCES = \
	authdaemon/userdb.h \
	authdaemon/userdb-line.c authdaemon/userdb-read.c authdaemon/userdb-edit.c \
	authdaemon/userdb-compile.c authdaemon/userdb-lookup.c \
	authdaemon/tool.c authdaemon/tool.h
USERDB_LDADD = authdaemon/libuserdb.a libs/table/libtable.a libs/config/libconfig.a \
	$(SASL_LDADD) $(DB_LIBS)

authdaemon_libauthdaemon_a_SOURCES = \
	authdaemon/daemon.h \
	authdaemon/account.c authdaemon/account.h \
	authdaemon/backend-userdb.c authdaemon/backend-system.c \
	authdaemon/backend-remote.c authdaemon/remote.h \
	authdaemon/spawn.c authdaemon/spawn.h \
	authdaemon/verifier.c authdaemon/verifier.h authdaemon/verifier-proto.h \
	authdaemon/verifier-main.c \
	authdaemon/helper.c authdaemon/helper.h authdaemon/helper-main.c authdaemon/system-check.c \
	authdaemon/system-change.c \
	authdaemon/cache.c authdaemon/attempts.c authdaemon/ticket.c \
	authdaemon/check.c authdaemon/exchange.c authdaemon/edge.c \
	authdaemon/text.c authdaemon/text-request.c authdaemon/text-request.h

pkglibexec_PROGRAMS += authdaemon/authdaemond
dist_pkglibexec_SCRIPTS = authdaemon/authsystem.passwd
authdaemon_authdaemond_SOURCES = authdaemon/main.c
authdaemon_authdaemond_LDADD = authdaemon/libauthdaemon.a libs/auth/libauth.a \
	authdaemon/libuserdb.a libs/table/libtable.a $(SERVICE_LIBS) $(SASL_LDADD) \
	$(DB_LIBS) $(PAM_LIBS)

sbin_PROGRAMS += authdaemon/userdb authdaemon/makeuserdb authdaemon/userdbpw \
	authdaemon/pw2userdb authdaemon/userdb-test-cram-md5 authdaemon/authpasswd authdaemon/authtest authdaemon/authenumerate
authdaemon_userdb_SOURCES = authdaemon/userdb-tool.c
authdaemon_userdb_LDADD = $(USERDB_LDADD)
authdaemon_makeuserdb_SOURCES = authdaemon/makeuserdb.c
authdaemon_makeuserdb_LDADD = $(USERDB_LDADD)
authdaemon_userdbpw_SOURCES = authdaemon/userdbpw.c
authdaemon_userdbpw_LDADD = $(USERDB_LDADD)
authdaemon_pw2userdb_SOURCES = authdaemon/pw2userdb.c
authdaemon_pw2userdb_LDADD = $(USERDB_LDADD)
authdaemon_userdb_test_cram_md5_SOURCES = authdaemon/test-cram-md5.c
authdaemon_userdb_test_cram_md5_LDADD = $(USERDB_LDADD)
authdaemon_authpasswd_SOURCES = authdaemon/authpasswd.c
authdaemon_authpasswd_LDADD = $(USERDB_LDADD)
authdaemon_authtest_SOURCES = authdaemon/authtest.c
authdaemon_authtest_LDADD = libs/auth/libauth.a $(USERDB_LDADD)
authdaemon_authenumerate_SOURCES = authdaemon/authenumerate.c
authdaemon_authenumerate_LDADD = libs/auth/libauth.a $(USERDB_LDADD)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/userdb tests/unit/authdaemond tests/unit/auth-parts
tests_unit_auth_parts_SOURCES = tests/unit/auth-parts.c
tests_unit_auth_parts_LDADD = $(authdaemon_authdaemond_LDADD) $(CMOCKA_LIBS)
tests_unit_authdaemond_SOURCES = tests/unit/authdaemond.c tests/unit/played.c tests/unit/played.h
tests_unit_authdaemond_LDADD = libs/auth/libauth.a $(SERVICE_LIBS) $(SASL_LDADD) $(CMOCKA_LIBS)
tests_unit_userdb_SOURCES = tests/unit/userdb.c
tests_unit_userdb_LDADD = $(USERDB_LDADD) $(CMOCKA_LIBS)
endif

fuzz_programs += tests/fuzz/fuzz-userdb tests/fuzz/fuzz-authtext
tests_fuzz_fuzz_userdb_SOURCES = tests/fuzz/fuzz-userdb.c
tests_fuzz_fuzz_userdb_LDADD = $(USERDB_LDADD)
tests_fuzz_fuzz_userdb_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_authtext_SOURCES = tests/fuzz/fuzz-authtext.c
tests_fuzz_fuzz_authtext_LDADD = authdaemon/libauthdaemon.a libs/base/libbase.a
tests_fuzz_fuzz_authtext_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

etc_files += etc/authdaemonrc
pamexampledir = $(pkgdatadir)/pam.d
dist_pamexample_DATA = authdaemon/pam/imap authdaemon/pam/pop3 authdaemon/pam/esmtp \
	authdaemon/pam/webmail authdaemon/pam/calendar
dist_man_MANS += man/authdaemond.8 man/authdaemonrc.5 man/userdb.8 man/makeuserdb.8 \
	man/userdbpw.8 man/pw2userdb.8 man/authsystem.passwd.8 man/userdb-test-cram-md5.8 man/authpasswd.1 man/authtest.1 man/authenumerate.8
