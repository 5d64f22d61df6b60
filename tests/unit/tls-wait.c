/* Handshakes that stand still while a signature is made, in any order, or never. */
#include "config.h"
#include <openssl/pem.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "tls/tls-private.h"

/* more than there are jobs: the last ones have to block */
enum { MANY = 150, JOBS = 128 };

static char folder[64], *pem;
static struct loop *loop;
static EVP_PKEY *own_key;
static SSL_CTX *server_ctx, *client_ctx;
static struct tls_options options = {.min_version = TLS1_2_VERSION};

/* ---- a signer whose answers the test gives -------------------------------------------------- */

struct question {
	char digest[64];
	size_t n;
};
static struct question asked[MANY + 1]; /* by id - 1 */
static uint32_t n_asked;
static unsigned n_blocked;
static struct tls_waits waits;

static void sign_digest(const char *digest, size_t n, unsigned char *out, size_t *out_n)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(own_key, NULL);

	assert_int_equal(EVP_PKEY_sign_init(c), 1);
	assert_int_equal(EVP_PKEY_sign(c, out, out_n, (const unsigned char *)digest, n), 1);
	EVP_PKEY_CTX_free(c);
}

static bool ask(void *ctx, const unsigned char *fingerprint, enum key_op op, struct str in,
    unsigned char *out, size_t *n)
{
	struct question *q = &asked[n_asked++];

	assert_true(in.n <= sizeof q->digest && op == KEY_ECDSA && n_asked <= MANY);
	memcpy(q->digest, in.p, in.n);
	q->n = in.n;
	if (tls_wait_possible())
		return tls_wait(&waits, n_asked, out, n);
	n_blocked++;
	sign_digest(q->digest, q->n, out, n);
	return true;
}

static void answer(uint32_t id)
{
	unsigned char sig[256];
	size_t n = sizeof sig;

	sign_digest(asked[id - 1].digest, asked[id - 1].n, sig, &n);
	tls_waits_answer(&waits, id, str_at(sig, n));
}

/* ---- two ends ------------------------------------------------------------------------------- */

struct side {
	struct stream *stream;
	bool secure, closed;
};
struct pair {
	struct side s, c;
};

static void on_input(void *ctx, struct stream *st)
{
	stream_discard(st);
}

static void on_close(void *ctx, struct stream *st, enum stream_end why)
{
	((struct side *)ctx)->closed = true;
}

static void on_secure(void *ctx, struct stream *st)
{
	((struct side *)ctx)->secure = true;
}

static const struct stream_handlers handlers = {
    .on_input = on_input, .on_close = on_close, .on_secure = on_secure};

static void stop(void *ctx)
{
	loop_stop(loop);
}

static void run(int64_t ms)
{
	struct timer *t = timer_new(loop, stop, NULL);

	timer_set(t, ms);
	loop_run(loop);
	timer_free(t);
}

/* The loop until both ends are secure or closed, and a little more. */
static void settle(const struct pair *p)
{
	for (int i = 0; i < 1000; i++) {
		if ((p->s.secure || p->s.closed) && (p->c.secure || p->c.closed))
			break;
		run(10);
	}
	run(1);
}

static void start(struct pair *p)
{
	SSL *ssl = SSL_new(server_ctx);
	int fds[2];

	*p = (struct pair){0};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	p->s.stream = stream_new(loop, fds[0], 100000, 100000, &handlers, &p->s);
	p->c.stream = stream_new(loop, fds[1], 100000, 100000, &handlers, &p->c);
	tls_wait_allow(ssl);
	assert_int_equal(tls_start(p->s.stream, ssl, true), 0);
	assert_int_equal(tls_start(p->c.stream, SSL_new(client_ctx), false), 0);
}

static void end(struct pair *p)
{
	stream_free(p->s.stream);
	stream_free(p->c.stream);
}

static void start_some(struct pair *p, size_t n)
{
	n_asked = n_blocked = 0;
	waits = (struct tls_waits){.loop = loop};
	for (size_t i = 0; i < n; i++)
		start(&p[i]);
	for (int i = 0; i < 1000 && n_asked < n; i++)
		run(10);
	assert_int_equal(n_asked, n);
}

static void version(int v)
{
	SSL_CTX_set_max_proto_version(client_ctx, v);
}

static void test_any_order(void **state)
{
	struct pair p[3];

	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
		version(v);
		start_some(p, 3);
		assert_true(tls_waits_since(&waits) > 0);
		for (size_t i = 0; i < 3; i++)
			assert_false(p[i].s.secure || p[i].s.closed || p[i].c.closed);
		answer(3);
		answer(1);
		settle(&p[0]);
		settle(&p[2]);
		assert_true(p[0].s.secure && p[0].c.secure && p[2].s.secure && p[2].c.secure);
		assert_false(p[1].s.secure || p[1].c.secure);
		answer(2);
		answer(2); /* nobody waits for that any more */
		answer(3);
		settle(&p[1]);
		assert_true(p[1].s.secure && p[1].c.secure);
		assert_int_equal(tls_waits_since(&waits), -1);
		for (size_t i = 0; i < 3; i++)
			end(&p[i]);
	}
}

static void test_refused(void **state)
{
	struct pair p[3];

	start_some(p, 3);
	tls_waits_answer(&waits, 1, STR_NONE);
	settle(&p[0]);
	assert_true(p[0].s.closed && p[0].c.closed && !p[0].s.secure);
	assert_false(p[1].s.closed || p[2].s.closed);
	answer(2);
	tls_waits_fail(&waits); /* the signer dies behind its second answer */
	settle(&p[1]);
	settle(&p[2]);
	assert_true(p[1].s.secure && p[1].c.secure);
	assert_true(p[2].s.closed && p[2].c.closed);
	for (size_t i = 0; i < 3; i++)
		end(&p[i]);
}

/* Before the answer, and between the answer and its effect. */
static void test_given_up(void **state)
{
	struct pair p[3];

	start_some(p, 3);
	stream_free(p[0].s.stream);
	answer(1);
	answer(2);
	stream_free(p[1].s.stream);
	run(50);
	assert_true(p[0].c.closed && p[1].c.closed);
	answer(3);
	settle(&p[2]);
	assert_true(p[2].s.secure && p[2].c.secure);
	stream_free(p[0].c.stream);
	stream_free(p[1].c.stream);
	end(&p[2]);
}

/* A client that hangs up meanwhile is noticed afterwards, and costs no turns of the loop. */
static void test_hung_up(void **state)
{
	struct pair p;

	start_some(&p, 1);
	stream_free(p.c.stream);
	run(50);
	assert_false(p.s.closed);
	answer(1);
	run(50);
	assert_true(p.s.closed);
	stream_free(p.s.stream);
}

static void test_signer_gone(void **state)
{
	struct pair p[2];

	start_some(p, 2);
	answer(1);
	tls_waits_free(&waits);
	run(50);
	assert_false(p[0].s.secure || p[1].s.secure);
	end(&p[0]);
	end(&p[1]);
}

static void test_too_many(void **state)
{
	static struct pair p[MANY];

	start_some(p, MANY);
	assert_int_equal(n_blocked, MANY - JOBS);
	for (uint32_t i = 1; i <= MANY; i++)
		answer(i);
	for (size_t i = 0; i < MANY; i++) {
		settle(&p[i]);
		assert_true(p[i].s.secure && p[i].c.secure);
		end(&p[i]);
	}
}

/* ---- */

static void read_pem(void)
{
	unsigned char fingerprint[KEY_FINGERPRINT] = {0};
	BIO *bio = BIO_new_file(pem, "r");
	EVP_PKEY *remote;
	X509 *cert;

	own_key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	assert_non_null(own_key);
	BIO_free(bio);
	bio = BIO_new_file(pem, "r");
	cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	remote = tls_remote_key(cert, fingerprint, ask, NULL);
	assert_non_null(remote);
	assert_int_equal(SSL_CTX_use_certificate(server_ctx, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(server_ctx, remote), 1);
	EVP_PKEY_free(remote);
	X509_free(cert);
	BIO_free(bio);
}

static int set_up(void **state)
{
	const char *name = "mail.example";
	char *why;

	signal(SIGPIPE, SIG_IGN); /* as service_main does */
	snprintf(folder, sizeof folder, "/tmp/tls-wait.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	pem = mem_printf("%s/a.pem", folder);
	if (tls_make_self_signed(pem, &name, 1, &why) < 0)
		return -1;
	server_ctx = tls_context(&options, true);
	client_ctx = tls_context(&options, false);
	read_pem();
	loop = loop_new();
	return loop ? 0 : -1;
}

static int tear_down(void **state)
{
	EVP_PKEY_free(own_key);
	SSL_CTX_free(server_ctx);
	SSL_CTX_free(client_ctx);
	loop_free(loop);
	unlink(pem);
	free(pem);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_any_order),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_given_up),
	    cmocka_unit_test(test_hung_up),
	    cmocka_unit_test(test_signer_gone),
	    cmocka_unit_test(test_too_many),
	};
	log_threshold(LOG_LEVEL_FATAL);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
