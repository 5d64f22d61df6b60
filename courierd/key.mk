# courierkey: the process with the private keys.
pkglibexec_PROGRAMS += courierkey
courierkey_SOURCES = \
	courierd/key.h courierd/key-serve.h \
	courierd/key-main.c courierd/key-pair.c courierd/key-open.c courierd/key-store.c courierd/key-serve.c
courierkey_LDADD = libs/tls/libtls.a $(SERVICE_LIBS) $(OPENSSL_LIBS)

# Self-signed certificates for the first start.
sbin_PROGRAMS += mkesmtpdcert mkimapdcert mkpop3dcert
mkesmtpdcert_SOURCES = courierd/key-mkcert.c
mkesmtpdcert_CPPFLAGS = $(AM_CPPFLAGS) -DCERTIFICATE='"esmtpd.pem"'
mkesmtpdcert_LDADD = $(courierkey_LDADD)
mkimapdcert_SOURCES = courierd/key-mkcert.c
mkimapdcert_CPPFLAGS = $(AM_CPPFLAGS) -DCERTIFICATE='"imapd.pem"'
mkimapdcert_LDADD = $(courierkey_LDADD)
mkpop3dcert_SOURCES = courierd/key-mkcert.c
mkpop3dcert_CPPFLAGS = $(AM_CPPFLAGS) -DCERTIFICATE='"pop3d.pem"'
mkpop3dcert_LDADD = $(courierkey_LDADD)

dist_man_MANS += man/courierkey.8 man/mkesmtpdcert.8 man/mkimapdcert.8 man/mkpop3dcert.8
