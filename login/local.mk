# login: the pre-login front of IMAP and POP3.
pkglibexec_PROGRAMS += courierlogin
courierlogin_SOURCES = login/login.h login/login-main.c login/login-conn.c login/login-auth.c \
	login/login-proxy.c login/login-imap.c login/login-pop3.c login/login-settings.c
courierlogin_LDADD = libs/tls/libtls.a libs/broker/libbroker.a libs/auth/libauth.a $(SERVICE_LIBS) \
	$(OPENSSL_LIBS) $(EVENT_LIBS)
