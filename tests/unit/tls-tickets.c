/* Session tickets: keys that change, two versions of TLS, a scope for each service.  MTA-0622 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "tls/tls-private.h"

static unsigned char keys[KEY_TICKETS];
static char folder[64], *pem;
static SSL_SESSION *last;

static SSL_CTX *server(struct tls_options *o)
{
	SSL_CTX *ctx = tls_context(o, true);

	assert_non_null(ctx);
	assert_int_equal(SSL_CTX_use_certificate_chain_file(ctx, pem), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, pem, SSL_FILETYPE_PEM), 1);
	if (o->resume)
		tls_use_tickets(ctx, keys);
	return ctx;
}

/* A handshake and one byte each way, which brings the ticket of TLS 1.3. */
static bool resumes(SSL_CTX *from, SSL_CTX *to, SSL_SESSION *session)
{
	SSL *c = SSL_new(from), *s = SSL_new(to);
	BIO *a, *b;
	char byte = 'x';
	bool resumed;

	assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
	SSL_set_bio(c, a, a);
	SSL_set_bio(s, b, b);
	SSL_set_connect_state(c);
	SSL_set_accept_state(s);
	if (session)
		SSL_set_session(c, session);
	for (int i = 0; i < 10; i++) {
		SSL_do_handshake(c);
		SSL_do_handshake(s);
	}
	assert_true(SSL_is_init_finished(c) && SSL_is_init_finished(s));
	assert_int_equal(SSL_write(s, &byte, 1), 1);
	assert_int_equal(SSL_read(c, &byte, 1), 1);
	resumed = SSL_session_reused(s);
	SSL_SESSION_free(last);
	last = SSL_get1_session(c);
	SSL_set_shutdown(c, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(c);
	SSL_free(s);
	return resumed;
}

static SSL_CTX *client(int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_max_proto_version(ctx, version);
	return ctx;
}

static SSL_SESSION *fresh(SSL_CTX *c, SSL_CTX *s)
{
	assert_false(resumes(c, s, NULL));
	assert_non_null(last);
	SSL_SESSION_up_ref(last);
	return last;
}

static void rotate(void)
{
	memcpy(keys + TICKET_KEY, keys, TICKET_KEY);
	random_bytes(keys, TICKET_KEY);
}

static void change(int version)
{
	struct tls_options o = {.min_version = TLS1_2_VERSION, .resume = true, .scope = "one"};
	struct tls_options other = {.min_version = TLS1_2_VERSION, .resume = true, .scope = "two"};
	SSL_CTX *c = client(version), *s = server(&o), *s2 = server(&o), *foreign = server(&other);
	SSL_SESSION *session;

	random_bytes(keys, sizeof keys);
	session = fresh(c, s);
	assert_true(resumes(c, s, session));
	assert_true(resumes(c, s2, session)); /* another process has the same keys */
	assert_false(resumes(c, foreign, session));
	rotate();
	assert_true(resumes(c, s, session)); /* and now has a ticket of the new key */
	SSL_SESSION *renewed = last;
	SSL_SESSION_up_ref(renewed);
	assert_ptr_not_equal(renewed, session);
	rotate();
	assert_false(resumes(c, s, session));
	assert_true(resumes(c, s, renewed));
	SSL_SESSION_free(session);
	SSL_SESSION_free(renewed);
	SSL_CTX_free(c);
	SSL_CTX_free(s);
	SSL_CTX_free(s2);
	SSL_CTX_free(foreign);
}

static void test_change(void **state)
{
	change(TLS1_2_VERSION);
	change(TLS1_3_VERSION);
}

static void test_off(void **state)
{
	struct tls_options o = {.min_version = TLS1_2_VERSION, .scope = "one"};
	const int of[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	for (size_t i = 0; i < ARRAY_LEN(of); i++) {
		SSL_CTX *c = client(of[i]), *s = server(&o);

		SSL_SESSION *session = fresh(c, s);

		assert_false(resumes(c, s, session));
		SSL_SESSION_free(session);
		SSL_CTX_free(c);
		SSL_CTX_free(s);
	}
}

/* A ticket that somebody has changed is none. */
static void test_forged(void **state)
{
	struct tls_options o = {.min_version = TLS1_2_VERSION, .resume = true, .scope = "one"};
	SSL_CTX *c = client(TLS1_2_VERSION), *s = server(&o);
	SSL_SESSION *session = fresh(c, s);
	const unsigned char *p;
	unsigned char *der = NULL;
	const unsigned char *ticket;
	size_t n;
	int size;

	SSL_SESSION_get0_ticket(session, &ticket, &n);
	size = i2d_SSL_SESSION(session, &der);
	for (int i = 0; i + (int)n <= size; i++)
		if (memcmp(der + i, ticket, n) == 0)
			der[i + (int)n / 2] ^= 1;
	p = der;
	SSL_SESSION *forged = d2i_SSL_SESSION(NULL, &p, size);
	assert_non_null(forged);
	assert_false(resumes(c, s, forged));
	assert_true(resumes(c, s, session));
	OPENSSL_free(der);
	SSL_SESSION_free(forged);
	SSL_SESSION_free(session);
	SSL_CTX_free(c);
	SSL_CTX_free(s);
}

static int set_up(void **state)
{
	const char *names[] = {"mail.example"};
	char *why;

	snprintf(folder, sizeof folder, "/tmp/tls-tickets-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	pem = mem_printf("%s/a.pem", folder);
	return tls_make_self_signed(pem, names, 1, &why);
}

static int tear_down(void **state)
{
	SSL_SESSION_free(last);
	unlink(pem);
	free(pem);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_change),
	    cmocka_unit_test(test_off),
	    cmocka_unit_test(test_forged),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
