/* TLS streams against each other, keys that are elsewhere, and the store of the key process. */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <cmocka.h>
#include "courierd/key.h"

static char folder[64];
static struct loop *loop;

static char *in_folder(const char *name)
{
	return mem_printf("%s/%s", folder, name);
}

static void make_cert(const char *file, const char *name)
{
	const char *names[] = {name, "127.0.0.1"};
	char *path = in_folder(file), *why;

	unlink(path);
	assert_int_equal(tls_make_self_signed(path, names, 2, &why), 0);
	free(path);
}

/* The same certificate's form with an RSA key. */
static void make_rsa_cert(const char *file)
{
	char *path = in_folder(file);
	EVP_PKEY *key = EVP_RSA_gen(2048);
	X509 *cert = X509_new();
	FILE *out;

	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	unlink(path);
	out = fopen(path, "w");
	assert_non_null(out);
	PEM_write_X509(out, cert);
	PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL);
	fclose(out);
	chmod(path, 0600);
	X509_free(cert);
	EVP_PKEY_free(key);
	free(path);
}

static void copy(const char *from, const char *to)
{
	char *a = in_folder(from), *b = in_folder(to);
	struct buf text;

	buf_init(&text, 100000);
	assert_int_equal(file_read(AT_FDCWD, a, &text), 0);
	assert_int_equal(file_replace(AT_FDCWD, b, text.p, text.n, 0600), 0);
	buf_free(&text);
	free(a);
	free(b);
}

static void write_text(const char *name, const char *text, mode_t mode)
{
	char *path = in_folder(name);

	assert_int_equal(file_replace(AT_FDCWD, path, text, strlen(text), mode), 0);
	chmod(path, mode);
	free(path);
}

/* ---- two ends ------------------------------------------------------------------------------- */

struct side {
	struct stream *stream;
	bool secure, closed;
	struct buf got;
	char why[200];
};

static void on_input(void *ctx, struct stream *st)
{
	struct side *s = ctx;

	buf_adds(&s->got, stream_input(st));
	stream_consume(st, stream_input(st).n);
	loop_stop(loop);
}

static void on_close(void *ctx, struct stream *st, enum stream_end why)
{
	struct side *s = ctx;

	s->closed = true;
	snprintf(s->why, sizeof s->why, "%s", why == STREAM_TLS ? stream_error(st) : "");
	loop_stop(loop);
}

static void on_secure(void *ctx, struct stream *st)
{
	((struct side *)ctx)->secure = true;
	loop_stop(loop);
}

static const struct stream_handlers handlers = {
    .on_input = on_input, .on_close = on_close, .on_secure = on_secure};

static void bark(void *ctx)
{
	fail_msg("nothing happens");
}

static void connect_pair(struct side *a, struct side *b)
{
	int fds[2];

	*a = *b = (struct side){0};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	a->stream = stream_new(loop, fds[0], 100000, 100000, &handlers, a);
	b->stream = stream_new(loop, fds[1], 100000, 100000, &handlers, b);
	buf_init(&a->got, 100000);
	buf_init(&b->got, 100000);
}

static void free_pair(struct side *a, struct side *b)
{
	stream_free(a->stream);
	stream_free(b->stream);
	buf_free(&a->got);
	buf_free(&b->got);
}

static void run_until_secure(struct side *a, struct side *b)
{
	struct timer *t = timer_new(loop, bark, NULL);

	timer_set(t, 5000);
	while (!(a->secure && b->secure) && !a->closed && !b->closed)
		loop_run(loop);
	timer_free(t);
}

static void say(struct side *from, struct side *to, const char *text)
{
	struct timer *t = timer_new(loop, bark, NULL);

	timer_set(t, 5000);
	buf_clear(&to->got);
	stream_put(from->stream, str_of(text));
	while (to->got.n < strlen(text))
		loop_run(loop);
	assert_string_equal(to->got.p, text);
	timer_free(t);
}

static struct config *client_config(const char *trust, const char *lines)
{
	static const struct config_setting rows[] = {TLS_CLIENT_ROWS};
	static const struct config_component c = {
	    .name = "client", .file = "client", .settings = rows, .n = ARRAY_LEN(rows)};
	const struct config_component *const one[] = {&c};
	struct instance in = {.etc = folder};
	char *text = mem_printf("TLS_TRUSTCERTS=%s%s%s\n%s", trust ? folder : "", trust ? "/" : "",
	    trust ? trust : "", lines);
	struct config *conf;

	write_text("client", text, 0600);
	conf = config_load(&in, one, 1, NULL);
	assert_non_null(conf);
	free(text);
	return conf;
}

static struct tls_client *client(const char *trust, const char *lines)
{
	struct config *c = client_config(trust, lines);
	struct tls_client *t = tls_client_new(c, "client");

	assert_non_null(t);
	config_drop(c);
	return t;
}

static struct tls_server *server(const char *file)
{
	char *path = in_folder(file), *why = NULL;
	struct tls_server *t = tls_server_new_file(path, &why);

	if (!t)
		fail_msg("%s", why);
	free(path);
	return t;
}

static bool handshake(struct tls_server *st, struct tls_client *ct, const char *name,
    enum tls_verify v, struct side *s, struct side *c)
{
	connect_pair(s, c);
	assert_int_equal(tls_accept(s->stream, st, STR_NONE), 0);
	assert_int_equal(tls_connect(c->stream, ct, name, v), 0);
	run_until_secure(s, c);
	return s->secure && c->secure;
}

static void test_streams(void **state)
{
	struct tls_server *st = server("a.pem");
	struct tls_client *ct = client("a.pem", "");
	struct side s, c;
	struct buf b1, b2;

	assert_true(handshake(st, ct, "mail.example", TLS_VERIFY_NAME, &s, &c));
	say(&c, &s, "EHLO there\r\n");
	say(&s, &c, "250 fine\r\n");
	assert_string_equal(tls_version(c.stream), "TLSv1.3");
	assert_true(tls_peer_verified(c.stream));
	assert_false(tls_peer_verified(s.stream));
	assert_true(tls_cipher_bits(s.stream) >= 128);
	buf_init(&b1, 100);
	buf_init(&b2, 100);
	assert_true(tls_channel_binding(s.stream, &b1) && tls_channel_binding(c.stream, &b2));
	assert_int_equal(b1.n, 32);
	assert_memory_equal(b1.p, b2.p, 32);
	buf_clear(&b1);
	tls_describe(c.stream, &b1);
	assert_true(
	    str_starts(buf_str(&b1), STR("TLSv1.3 TLS_")) && str_ends(buf_str(&b1), STR(" bits")));
	buf_free(&b1);
	buf_free(&b2);
	free_pair(&s, &c);
	tls_client_free(ct);
	tls_server_free(st);
}

static void test_verification(void **state)
{
	static const struct {
		const char *trust, *name;
		enum tls_verify verify;
		bool secure, verified;
	} cases[] = {
	    {"a.pem", "mail.example", TLS_VERIFY_NAME, true, true},
	    {"a.pem", "127.0.0.1", TLS_VERIFY_NAME, true, true},
	    {"a.pem", "other.example", TLS_VERIFY_NAME, false, false},
	    {"a.pem", "other.example", TLS_VERIFY_CHAIN, true, true},
	    {"a.pem", "other.example", TLS_OPPORTUNISTIC, true, false},
	    {"a.pem", NULL, TLS_OPPORTUNISTIC, true, true},
	    {"b.pem", "mail.example", TLS_VERIFY_NAME, false, false},
	    {"b.pem", "mail.example", TLS_OPPORTUNISTIC, true, false},
	    {NULL, "mail.example", TLS_VERIFY_CHAIN, false, false},
	    {NULL, "mail.example", TLS_OPPORTUNISTIC, true, false},
	};
	struct tls_server *st = server("a.pem");

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tls_client *ct = client(cases[i].trust, "");
		struct side s, c;

		assert_int_equal(
		    handshake(st, ct, cases[i].name, cases[i].verify, &s, &c), cases[i].secure);
		if (cases[i].secure)
			assert_int_equal(tls_peer_verified(c.stream), cases[i].verified);
		else
			assert_true(c.closed && c.why[0]);
		free_pair(&s, &c);
		tls_client_free(ct);
	}
	tls_server_free(st);
}

static void test_garbage(void **state)
{
	struct tls_server *st = server("a.pem");
	struct side s, c;

	connect_pair(&s, &c);
	assert_int_equal(tls_accept(s.stream, st, STR_NONE), 0);
	stream_put(c.stream, STR("EHLO this is no handshake\r\n"));
	while (!s.closed)
		loop_run(loop);
	assert_true(s.why[0]);
	free_pair(&s, &c);
	tls_server_free(st);
}

/* ---- keys elsewhere ------------------------------------------------------------------------- */

static bool sign_here(void *ctx, const unsigned char *fingerprint, enum key_op op, struct str in,
    unsigned char *out, size_t *n)
{
	struct key_pair *p = ctx;
	const char *why;
	struct buf b;
	bool ok;

	assert_memory_equal(fingerprint, p->fingerprint, KEY_FINGERPRINT);
	buf_init(&b, 10000);
	ok = key_pair_sign(p, op, in, &b, &why) && b.n <= *n;
	if (ok) {
		memcpy(out, b.p, b.n);
		*n = b.n;
	}
	buf_free(&b);
	return ok;
}

static void remote_handshake(const char *file, int version)
{
	struct tls_options o = {.min_version = TLS1_2_VERSION, .verify = SSL_VERIFY_NONE};
	struct tls_client *ct = client(NULL, "");
	char *path = in_folder(file), *why;
	SSL_CTX *ctx = tls_context(&o, true);
	struct key_pair pair = {0};
	struct side s, c;
	BIO *bio;
	X509 *cert;
	EVP_PKEY *key;

	assert_int_equal(key_pair_load(&pair, path, path, &why), 0);
	assert_null(strstr(pair.chain, "PRIVATE"));
	bio = BIO_new_mem_buf(pair.chain, (int)pair.chain_n);
	cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	key = tls_remote_key(cert, pair.fingerprint, sign_here, &pair);
	assert_non_null(key);
	assert_int_equal(SSL_CTX_use_certificate(ctx, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
	SSL_CTX_set_max_proto_version(ctx, version);
	connect_pair(&s, &c);
	assert_int_equal(tls_start(s.stream, SSL_new(ctx), true), 0);
	assert_int_equal(tls_connect(c.stream, ct, NULL, TLS_OPPORTUNISTIC), 0);
	run_until_secure(&s, &c);
	if (!s.secure || !c.secure)
		fail_msg("%s, version %x: %s / %s", file, version, s.why, c.why);
	say(&c, &s, "x");
	free_pair(&s, &c);
	EVP_PKEY_free(key);
	X509_free(cert);
	BIO_free(bio);
	SSL_CTX_free(ctx);
	key_pair_release(&pair);
	tls_client_free(ct);
	free(path);
}

static void test_remote_keys(void **state)
{
	remote_handshake("a.pem", TLS1_3_VERSION);
	remote_handshake("a.pem", TLS1_2_VERSION);
	remote_handshake("rsa.pem", TLS1_3_VERSION);
	remote_handshake("rsa.pem", TLS1_2_VERSION);
}

/* The key process signs what handshakes sign, and nothing else. */
static void test_refused_operations(void **state)
{
	char *path = in_folder("rsa.pem"), *why;
	struct key_pair p = {0};
	char block[256];
	const char *text;
	struct buf b;

	assert_int_equal(key_pair_load(&p, path, path, &why), 0);
	buf_init(&b, 10000);
	memset(block, 1, sizeof block);
	assert_false(key_pair_sign(&p, KEY_RSA_RAW, str_at(block, 256), &b, &text));
	assert_false(key_pair_sign(&p, KEY_RSA_RAW, str_at(block, 255), &b, &text));
	assert_false(key_pair_sign(&p, KEY_ECDSA, str_at(block, 32), &b, &text));
	assert_false(key_pair_sign(&p, KEY_RSA_PKCS1, str_at(block, 250), &b, &text));
	assert_false(key_pair_sign(&p, (enum key_op)99, str_at(block, 32), &b, &text));
	assert_int_equal(b.n, 0);
	buf_free(&b);
	key_pair_release(&p);
	free(path);
}

/* ---- the store ------------------------------------------------------------------------------ */

static void test_store(void **state)
{
	struct instance in = {.etc = folder};
	struct config *c = config_load(&in, key_settings, KEY_COMPONENTS, NULL);
	struct key_store s;
	struct key_component *k;
	unsigned char before[KEY_FINGERPRINT];

	assert_non_null(c);
	key_store_init(&s);
	assert_int_equal(key_store_refresh(&s, c, &in), 0); /* nothing there */
	make_cert("esmtpd.pem", "one.example");
	assert_int_equal(key_store_refresh(&s, c, &in), 31); /* everybody shares it */
	assert_int_equal(key_store_refresh(&s, c, &in), 0);
	make_cert("imapd.pem", "imap.example");
	assert_int_equal(key_store_refresh(&s, c, &in), 8);
	make_cert("esmtpd.pem.two.example", "two.example");
	write_text("esmtpd.pem.bak", "junk", 0600);
	assert_int_equal(key_store_refresh(&s, c, &in), 1 | 2 | 4 | 16);

	assert_null(key_store_component(&s, STR("imapd"), "esmtpd"));
	assert_null(key_store_component(&s, STR("nobody"), "esmtpd"));
	k = key_store_component(&s, STR("esmtpd"), "esmtpd");
	assert_non_null(k);
	assert_int_equal(k->pairs.n, 2);
	memcpy(before, k->pairs.v[0].fingerprint, KEY_FINGERPRINT);
	assert_ptr_equal(key_component_pair(k, str_at(before, KEY_FINGERPRINT)), &k->pairs.v[0]);

	/* what is broken, half there or open to all does not replace what works */
	write_text("esmtpd.pem", "-----BEGIN CERTIFICATE-----\nMII", 0600);
	assert_int_equal(key_store_refresh(&s, c, &in), 0);
	make_cert("fresh.pem", "fresh.example");
	copy("fresh.pem", "esmtpd.pem");
	char *path = in_folder("esmtpd.pem");
	chmod(path, 0644);
	assert_int_equal(key_store_refresh(&s, c, &in), 0);
	assert_memory_equal(k->pairs.v[0].fingerprint, before, KEY_FINGERPRINT);
	unlink(path);
	assert_int_equal(key_store_refresh(&s, c, &in), 0);
	copy("fresh.pem", "esmtpd.pem");
	assert_true(key_store_refresh(&s, c, &in) & 1);
	assert_memory_not_equal(k->pairs.v[0].fingerprint, before, KEY_FINGERPRINT);
	free(path);

	/* a key that belongs to another certificate */
	write_text("esmtpd", "TLS_CERTFILE=esmtpd.pem\nTLS_PRIVATE_KEYFILE=imapd.pem\n", 0600);
	memcpy(before, k->pairs.v[0].fingerprint, KEY_FINGERPRINT);
	config_drop(c);
	c = config_load(&in, key_settings, KEY_COMPONENTS, NULL);
	assert_int_equal(key_store_refresh(&s, c, &in) & 1, 0);
	assert_memory_equal(k->pairs.v[0].fingerprint, before, KEY_FINGERPRINT);
	key_store_free(&s);
	config_drop(c);
}

static void test_kinds(void **state)
{
	struct instance in = {.etc = folder};
	struct config *c;
	struct key_store s;
	struct key_component *k;

	write_text("esmtpd", "TLS_CERTFILE=kinds.pem\n", 0600);
	c = config_load(&in, key_settings, KEY_COMPONENTS, NULL);
	key_store_init(&s);
	make_cert("kinds.pem", "one.example");
	make_rsa_cert("kinds.pem.rsa");
	make_rsa_cert("kinds.pem.two.example.RSA");
	make_cert("kinds.pem.two.example.ecdsa", "two.example");
	make_cert("kinds.pem.two.example", "two.example");
	write_text("kinds.pem.three.example", "no PEM", 0600);
	assert_int_equal(key_store_refresh(&s, c, &in) & 1, 1);
	k = key_store_component(&s, STR("esmtpd"), "esmtpd");
	assert_int_equal(k->pairs.n, 6);
	assert_int_equal(key_component_working(k), 5);
	size_t main_ones = 0, twos = 0, doubles = 0;
	for (size_t i = 0; i < k->pairs.n; i++) {
		main_ones += strcmp(k->pairs.v[i].suffix, "") == 0;
		twos += strcmp(k->pairs.v[i].suffix, "two.example") == 0;
		doubles += key_component_doubles(k, i);
	}
	assert_int_equal(main_ones, 2);
	assert_int_equal(twos, 3);
	assert_int_equal(doubles, 1);
	assert_int_equal(key_store_refresh(&s, c, &in) & 1, 0);
	key_store_free(&s);
	config_drop(c);
}

/* What the helper with root's rights opens. */
static void test_opener(void **state)
{
	static const struct {
		const char *path;
		bool fits;
	} cases[] = {
	    {"/etc/x/cert.pem", true},
	    {"/etc/x/cert.pem.mail.example", true},
	    {"/etc/x/cert.pem.", true},
	    {"/etc/x/cert.pemx", false},
	    {"/etc/x/cert", false},
	    {"/etc/x/cert.pem/", false},
	    {"/etc/x/cert.pem.x/../../shadow", false},
	    {"/etc/x/../shadow", false},
	    {"/etc/shadow", false},
	    {"cert.pem", false},
	    {"", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(
		    key_opener_fits(str_of(cases[i].path), "/etc/x/cert.pem"), cases[i].fits);
}

static void test_age(void **state)
{
	const int64_t day = 24 * 60 * 60;
	const struct key_pair p = {.not_before = 1000 * day, .not_after = 1090 * day};

	assert_int_equal(key_pair_age(&p, 999 * day), KEY_AGE_EARLY);
	assert_int_equal(key_pair_age(&p, 1000 * day), KEY_AGE_GOOD);
	assert_int_equal(key_pair_age(&p, 1083 * day), KEY_AGE_GOOD);
	assert_int_equal(key_pair_age(&p, 1083 * day + 1), KEY_AGE_SOON);
	assert_int_equal(key_pair_age(&p, 1090 * day), KEY_AGE_SOON);
	assert_int_equal(key_pair_age(&p, 1090 * day + 1), KEY_AGE_OVER);
}

static int set_up(void **state)
{
	snprintf(folder, sizeof folder, "/tmp/tls-unit-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	loop = loop_new();
	make_cert("a.pem", "mail.example");
	make_cert("b.pem", "mail.example");
	make_rsa_cert("rsa.pem");
	return loop ? 0 : -1;
}

static int tear_down(void **state)
{
	static const char *const files[] = {"a.pem", "b.pem", "rsa.pem", "client", "esmtpd",
	    "esmtpd.pem", "imapd.pem", "esmtpd.pem.two.example", "esmtpd.pem.bak", "fresh.pem",
	    "kinds.pem", "kinds.pem.rsa", "kinds.pem.two.example.RSA",
	    "kinds.pem.two.example.ecdsa", "kinds.pem.two.example", "kinds.pem.three.example"};

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		char *path = in_folder(files[i]);

		unlink(path);
		free(path);
	}
	loop_free(loop);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_streams),
	    cmocka_unit_test(test_verification),
	    cmocka_unit_test(test_garbage),
	    cmocka_unit_test(test_remote_keys),
	    cmocka_unit_test(test_refused_operations),
	    cmocka_unit_test(test_store),
	    cmocka_unit_test(test_kinds),
	    cmocka_unit_test(test_opener),
	    cmocka_unit_test(test_age),
	};
	log_threshold(LOG_LEVEL_FATAL);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
