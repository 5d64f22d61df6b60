# libs/sasl: SASL mechanisms, both sides, and stored passwords.
noinst_LIBRARIES += libs/sasl/libsasl.a
libs_sasl_libsasl_a_SOURCES = \
	libs/sasl/sasl.h libs/sasl/sasl-private.h \
	libs/sasl/hash.c libs/sasl/hmac-context.c libs/sasl/prep.c libs/sasl/scram.c \
	libs/sasl/server.c libs/sasl/server-plain.c libs/sasl/server-cram.c \
	libs/sasl/server-scram.c libs/sasl/server-external.c libs/sasl/client.c \
	libs/sasl/password.h libs/sasl/password-private.h \
	libs/sasl/password.c libs/sasl/password-crypt.c libs/sasl/password-argon2.c \
	libs/sasl/password-digest.c libs/sasl/password-record.c

# What a program that uses it links; the client's side alone needs neither CRYPT nor ARGON2.
SASL_LDADD = libs/sasl/libsasl.a libs/base/libbase.a \
	$(UNISTRING_LIBS) $(CRYPT_LIBS) $(ARGON2_LIBS) $(OPENSSL_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/sasl tests/unit/password
tests_unit_sasl_SOURCES = tests/unit/sasl.c
tests_unit_sasl_LDADD = $(SASL_LDADD) $(CMOCKA_LIBS)
tests_unit_password_SOURCES = tests/unit/password.c
tests_unit_password_LDADD = $(SASL_LDADD) $(CMOCKA_LIBS)
endif

fuzz_programs += tests/fuzz/fuzz-sasl-server
tests_fuzz_fuzz_sasl_server_SOURCES = tests/fuzz/fuzz-sasl-server.c
tests_fuzz_fuzz_sasl_server_LDADD = $(SASL_LDADD)
tests_fuzz_fuzz_sasl_server_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
