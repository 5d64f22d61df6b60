# esmtpd: the ESMTP server.
esmtpd_sources = \
	esmtpd/esmtpd.h esmtpd/session.h \
	esmtpd/board.c esmtpd/board.h \
	esmtpd/server.c \
	esmtpd/settings.c \
	esmtpd/session.c \
	esmtpd/session-connect.c \
	esmtpd/session-reply.c \
	esmtpd/session-commands.c \
	esmtpd/session-mail.c \
	esmtpd/session-auth.c \
	esmtpd/session-tls.c
esmtpd_parsers = libs/smtp/libsmtp.a libs/rfc822/librfc822.a libs/unicode/libunicode.a
esmtpd_libs = libs/tls/libtls.a libs/dns/libdns.a $(esmtpd_parsers) $(SERVICE_LIBS) \
	$(UNBOUND_LIBS) $(IDN2_LIBS) $(UNISTRING_LIBS) $(OPENSSL_LIBS)

if ESMTPD
pkglibexec_PROGRAMS += courieresmtpd
courieresmtpd_SOURCES = $(esmtpd_sources) esmtpd/main.c
courieresmtpd_LDADD = libs/gate/libgate.a libs/auth/libauth.a $(esmtpd_libs)
endif
