# login: the pre-login front of IMAP and POP3.
pkglibexec_PROGRAMS += courierlogin
courierlogin_SOURCES = login/login.h login/login-main.c login/login-conn.c login/login-auth.c \
	login/login-access.c login/login-proxy.c login/login-imap.c login/login-pop3.c login/login-settings.c \
	login/login-parse.c login/login-parse.h \
	login/login-balancer.c login/login-backend.c login/back-tls.c login/back-talk.c login/back-talk.h
courierlogin_LDADD = libs/smtp/libsmtp.a libs/dns/libdns.a libs/unicode/libunicode.a libs/access/libaccess.a libs/table/libtable.a libs/tls/libtls.a libs/broker/libbroker.a libs/auth/libauth.a $(SERVICE_LIBS) \
	$(OPENSSL_LIBS) $(DB_LIBS) $(EVENT_LIBS) $(UNBOUND_LIBS) $(IDN2_LIBS) $(UNISTRING_LIBS)

login_grammar = login/login-parse.c login/login-parse.h
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/login
tests_unit_login_SOURCES = tests/unit/login.c $(login_grammar)
tests_unit_login_LDADD = libs/auth/libauth.a libs/ipc/libipc.a libs/event/libevent.a \
	libs/base/libbase.a $(EVENT_LIBS) $(CMOCKA_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/back-talk
tests_unit_back_talk_SOURCES = tests/unit/back-talk.c login/back-tls.c login/back-talk.c login/back-talk.h
tests_unit_back_talk_LDADD = libs/base/libbase.a $(CMOCKA_LIBS)
endif

fuzz_programs += tests/fuzz/fuzz-back-talk
tests_fuzz_fuzz_back_talk_SOURCES = tests/fuzz/fuzz-back-talk.c login/back-talk.c login/back-talk.h
tests_fuzz_fuzz_back_talk_LDADD = libs/base/libbase.a
tests_fuzz_fuzz_back_talk_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
EXTRA_DIST += tests/fuzz/corpus/back-talk

fuzz_programs += tests/fuzz/fuzz-login
tests_fuzz_fuzz_login_SOURCES = tests/fuzz/fuzz-login.c $(login_grammar)
tests_fuzz_fuzz_login_LDADD = libs/auth/libauth.a libs/ipc/libipc.a libs/event/libevent.a \
	libs/base/libbase.a $(EVENT_LIBS)
tests_fuzz_fuzz_login_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
EXTRA_DIST += tests/fuzz/corpus/login
