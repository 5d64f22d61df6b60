# libs/tls: TLS for streams. Keys are elsewhere (courierd/key-*.c).
noinst_LIBRARIES += libs/tls/libtls.a
libs_tls_libtls_a_SOURCES = \
	libs/tls/tls.h libs/tls/tls-private.h \
	libs/tls/options.c libs/tls/context.c libs/tls/names.c libs/tls/tickets.c \
	libs/tls/stream-tls.c libs/tls/wait.c \
	libs/tls/client.c libs/tls/resume.c libs/tls/trust.c \
	libs/tls/peer-subject.c \
	libs/tls/server.c libs/tls/pairs.c libs/tls/pairs.h \
	libs/tls/remote-key.c \
	libs/tls/selfsigned.c

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/tls tests/unit/tls-words tests/unit/tls-tickets tests/unit/tls-wait
tests_unit_tls_tickets_SOURCES = tests/unit/tls-tickets.c
tests_unit_tls_tickets_LDADD = libs/tls/libtls.a $(SERVICE_LIBS) $(OPENSSL_LIBS) $(CMOCKA_LIBS)
tests_unit_tls_wait_SOURCES = tests/unit/tls-wait.c
tests_unit_tls_wait_LDADD = libs/tls/libtls.a $(SERVICE_LIBS) $(OPENSSL_LIBS) $(CMOCKA_LIBS)
tests_unit_tls_words_SOURCES = tests/unit/tls-words.c
tests_unit_tls_words_LDADD = libs/tls/libtls.a $(SERVICE_LIBS) $(OPENSSL_LIBS) $(CMOCKA_LIBS)
tests_unit_tls_SOURCES = tests/unit/tls.c courierd/key.h courierd/key-pair.c courierd/key-open.c courierd/key-store.c
tests_unit_tls_LDADD = libs/tls/libtls.a $(SERVICE_LIBS) $(OPENSSL_LIBS) $(CMOCKA_LIBS)
endif

tls_libs = libs/tls/libtls.a $(SERVICE_LIBS) $(OPENSSL_LIBS)
fuzz_programs += tests/fuzz/fuzz-tls
tests_fuzz_fuzz_tls_SOURCES = tests/fuzz/fuzz-tls.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_tls_LDADD = $(tls_libs)
tests_fuzz_fuzz_tls_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
check_PROGRAMS += tests/fuzz/replay-tls
tests_fuzz_replay_tls_SOURCES = tests/fuzz/fuzz-tls.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_tls_LDADD = $(tls_libs)
