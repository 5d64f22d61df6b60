# libs/tls: TLS for streams. Keys are elsewhere (courierd/key-*.c).
noinst_LIBRARIES += libs/tls/libtls.a
libs_tls_libtls_a_SOURCES = \
	libs/tls/tls.h libs/tls/tls-private.h \
	libs/tls/context.c \
	libs/tls/stream-tls.c \
	libs/tls/client.c libs/tls/resume.c libs/tls/trust.c \
	libs/tls/peer-subject.c \
	libs/tls/server.c \
	libs/tls/remote-key.c \
	libs/tls/selfsigned.c

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/tls tests/unit/tls-words
tests_unit_tls_words_SOURCES = tests/unit/tls-words.c
tests_unit_tls_words_LDADD = libs/tls/libtls.a $(SERVICE_LIBS) $(OPENSSL_LIBS) $(CMOCKA_LIBS)
tests_unit_tls_SOURCES = tests/unit/tls.c courierd/key.h courierd/key-pair.c courierd/key-store.c
tests_unit_tls_LDADD = libs/tls/libtls.a $(SERVICE_LIBS) $(OPENSSL_LIBS) $(CMOCKA_LIBS)
endif
