/*
 * The server side: certificates by name, kept up to date by the key process.
 *
 * A signature is needed in the middle of OpenSSL's handshake.  The edge blocks for a moment; when
 * no answer comes, or others wait already, the handshake stands still (wait.c), where it can.  What
 * the key process sends unasked is a new set of pairs: it is collected aside and takes the old
 * one's place when it is complete.
 */
#include "config.h"
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include "tls/pairs.h"
#include "tls/tls-private.h"

enum { PAIRS_MAX = 1000, RETRY_MS = 1000, FILE_TIMEOUT_MS = 60 * 1000, PATIENCE_MS = 5 };

struct tls_server {
	struct service *service; /* NULL: made from a file */
	bool client;             /* its pairs are shown to servers */
	char *component;
	struct tls_options options;
	struct pairs now, next;
	unsigned char tickets[KEY_TICKETS]; /* in use, and those of the next set */
	unsigned char next_tickets[KEY_TICKETS];
	struct ipc *key;
	struct watch *watch;
	struct timer *retry, *silence;
	struct tls_waits waits; /* handshakes */
	uint32_t request;
	bool asked; /* a service_connect is under way */
};

static int choose_by_name(SSL *ssl, int *alert, void *arg)
{
	struct tls_server *t = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	SSL_CTX *ctx;

	if (!name || !name[0])
		return SSL_TLSEXT_ERR_OK;
	ctx = pairs_by_suffix(&t->now, str_of(name));
	if (!ctx)
		ctx = pairs_by_certificate(&t->now, SSL_get_SSL_CTX(ssl), name);
	if (ctx)
		SSL_set_SSL_CTX(ssl, ctx);
	return SSL_TLSEXT_ERR_OK;
}

/* ---- the edge ------------------------------------------------------------------------------- */

static void connect_key(struct tls_server *t);

static void key_lost(struct tls_server *t)
{
	watch_free(t->watch);
	t->watch = NULL;
	ipc_free(t->key);
	t->key = NULL;
	pairs_clear(&t->next);
	tls_waits_fail(&t->waits);
	if (t->retry)
		timer_set(t->retry, RETRY_MS);
}

static bool sign_by_edge(void *ctx, const unsigned char *fingerprint, enum key_op op, struct str in,
    unsigned char *out, size_t *n);

static SSL_CTX *new_context(struct tls_server *t)
{
	SSL_CTX *ctx = tls_context(&t->options, !t->client);

	if (!ctx || t->client)
		return ctx;
	SSL_CTX_set_tlsext_servername_callback(ctx, choose_by_name);
	SSL_CTX_set_tlsext_servername_arg(ctx, t);
	if (t->options.resume)
		tls_use_tickets(ctx, t->tickets);
	return ctx;
}

/* Certificate, chain and the key that is elsewhere, into the context beside what it has. */
static bool use_pair(
    struct tls_server *t, SSL_CTX *ctx, const unsigned char *fingerprint, struct str pem)
{
	BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n);
	X509 *cert = in ? PEM_read_bio_X509_AUX(in, NULL, NULL, NULL) : NULL, *more;
	EVP_PKEY *key = cert ? tls_remote_key(cert, fingerprint, sign_by_edge, t) : NULL;
	bool ok = key && SSL_CTX_use_certificate(ctx, cert) == 1;

	while (ok && (more = PEM_read_bio_X509(in, NULL, NULL, NULL)))
		if (SSL_CTX_add0_chain_cert(ctx, more) != 1) {
			X509_free(more);
			ok = false;
		}
	ERR_clear_error();
	ok = ok && SSL_CTX_use_PrivateKey(ctx, key) == 1;
	if (!ok)
		tls_log_errors("cannot use a certificate");
	EVP_PKEY_free(key);
	X509_free(cert);
	BIO_free(in);
	return ok;
}

static bool take_begin(struct tls_server *t, struct ipc_reader *r)
{
	struct str tickets = ipc_get_str(r);

	if (!ipc_done(r) || tickets.n != KEY_TICKETS)
		return false;
	pairs_clear(&t->next);
	memcpy(t->next_tickets, tickets.p, KEY_TICKETS);
	return true;
}

static bool take_pair(struct tls_server *t, struct ipc_reader *r)
{
	struct str suffix = ipc_get_str(r), fingerprint = ipc_get_str(r), pem = ipc_get_rest(r);
	struct pair p;
	SSL_CTX *same;

	if (!ipc_done(r) || fingerprint.n != KEY_FINGERPRINT || t->next.list.n >= PAIRS_MAX)
		return false;
	same = pairs_same(&t->next, suffix);
	p.ctx = same ? same : new_context(t);
	/* one that is of no use leaves the others alone */
	if (!p.ctx || !use_pair(t, p.ctx, (const unsigned char *)fingerprint.p, pem)) {
		if (!same)
			SSL_CTX_free(p.ctx);
		return true;
	}
	if (same)
		return true;
	p.suffix = mem_strndup(suffix.p ? suffix.p : "", suffix.n);
	vec_push(&t->next.list, p);
	return true;
}

static bool take_end(struct tls_server *t, const struct ipc_reader *r)
{
	pairs_clear(&t->now);
	t->now = t->next;
	t->next = (struct pairs){0};
	memcpy(t->tickets, t->next_tickets, KEY_TICKETS);
	return ipc_done(r);
}

/* Empty: refused, and logged. */
static struct str signature_in(struct ipc_msg *m)
{
	struct ipc_reader r;
	struct str sig;

	ipc_read(m, &r);
	sig = ipc_get_rest(&r);
	if (m->type == KEY_SIGNED)
		return sig;
	log_error(NULL, "TLS: no signature: %.*s", STR_FMT(sig));
	return STR_NONE;
}

static bool take_push(struct tls_server *t, struct ipc_msg *m)
{
	struct ipc_reader r;

	ipc_read(m, &r);
	switch (m->type) {
	case KEY_BEGIN:
		return take_begin(t, &r);
	case KEY_PAIR:
		return take_pair(t, &r);
	case KEY_END:
		return take_end(t, &r);
	case KEY_SIGNED:
	case KEY_REFUSED:
		tls_waits_answer(&t->waits, m->id, signature_in(m));
		return true;
	default:
		return false;
	}
}

static void key_readable(void *ctx, int fd, int what)
{
	struct tls_server *t = ctx;
	struct ipc_msg m;
	int r = 0;

	while (t->key && (r = ipc_recv(t->key, &m, 0)) == 1)
		if (!take_push(t, &m)) {
			log_error(NULL, "TLS: the key process does not speak sense");
			r = 0;
			break;
		}
	if (r == 0)
		key_lost(t);
}

static void not_answered(struct tls_server *t)
{
	log_error(NULL, "TLS: the key process does not answer");
	key_lost(t);
}

/* The key process answers in order: the oldest tells of all. */
static void listen_for_answers(void *ctx)
{
	struct tls_server *t = ctx;
	int64_t since = tls_waits_since(&t->waits), left;

	if (since < 0)
		return;
	left = since + KEY_RPC_TIMEOUT - clock_mono_ms();
	if (left <= 0)
		not_answered(t);
	else
		timer_set(t->silence, left);
}

static bool stand_still(struct tls_server *t, unsigned char *out, size_t *n)
{
	if (!timer_armed(t->silence))
		timer_set(t->silence, KEY_RPC_TIMEOUT);
	return tls_wait(&t->waits, t->request, out, n);
}

static bool block(struct tls_server *t, unsigned char *out, size_t *n)
{
	int64_t until = clock_mono_ms() + KEY_RPC_TIMEOUT, left;
	struct ipc_msg m;

	while ((left = until - clock_mono_ms()) > 0 && ipc_recv(t->key, &m, left) == 1) {
		bool answer = m.type == KEY_SIGNED || m.type == KEY_REFUSED;
		struct str sig;

		if (!answer || m.id != t->request) {
			if (!take_push(t, &m))
				break;
			continue;
		}
		sig = signature_in(&m);
		if (sig.n == 0 || sig.n > *n)
			return false;
		memcpy(out, sig.p, sig.n);
		*n = sig.n;
		return true;
	}
	not_answered(t);
	return false;
}

/* An idle key process takes less time than two turns of the loop and a switch of jobs. */
static bool answers_soon(const struct tls_server *t)
{
	struct pollfd p = {.fd = ipc_fd(t->key), .events = POLLIN};

	return poll(&p, 1, PATIENCE_MS) == 1;
}

static bool sign_by_edge(void *ctx, const unsigned char *fingerprint, enum key_op op, struct str in,
    unsigned char *out, size_t *n)
{
	struct tls_server *t = ctx;

	if (!t->key)
		return false;
	ipc_compose(t->key, KEY_SIGN, ++t->request);
	ipc_put_str(t->key, str_at(fingerprint, KEY_FINGERPRINT));
	ipc_put_u8(t->key, (uint8_t)op);
	ipc_put_rest(t->key, in);
	if (ipc_send(t->key, -1) < 0) {
		key_lost(t);
		return false;
	}
	if (tls_wait_possible() && (t->waits.first || !answers_soon(t)))
		return stand_still(t, out, n);
	return block(t, out, n);
}

static void key_connected(void *ctx, int fd)
{
	struct tls_server *t = ctx;

	t->asked = false;
	t->key = fd < 0 ? NULL : ipc_new(NULL, fd, NULL, NULL);
	if (!t->key) {
		timer_set(t->retry, RETRY_MS);
		return;
	}
	ipc_compose(t->key, KEY_HELLO, 0);
	ipc_put_z(t->key, t->component);
	t->watch = watch_new(service_loop(t->service), ipc_fd(t->key), key_readable, t);
	if (!t->watch || ipc_send(t->key, -1) < 0) {
		key_lost(t);
		return;
	}
	watch_set(t->watch, WATCH_READ);
}

static void connect_key(struct tls_server *t)
{
	if (t->asked || t->key)
		return;
	t->asked = true;
	service_connect(t->service, "key", SERVICE_ANY, key_connected, t);
}

static void retry_now(void *ctx)
{
	connect_key(ctx);
}

/* ---- the public face ------------------------------------------------------------------------ */

static struct tls_server *keeper_new(struct service *s, const char *component, bool client)
{
	struct tls_server *t = mem_new(struct tls_server);

	t->service = s;
	t->client = client;
	t->component = mem_strdup(component);
	t->retry = timer_new(service_loop(s), retry_now, t);
	t->silence = timer_new(service_loop(s), listen_for_answers, t);
	t->waits.loop = service_loop(s);
	if (!t->retry || !t->silence ||
	    tls_options_read(&t->options, service_config(s), component, !client) < 0) {
		log_error(NULL, "TLS: no certificates for %s", component);
		tls_server_free(t);
		return NULL;
	}
	connect_key(t);
	return t;
}

struct tls_server *tls_server_new(struct service *s, const char *component)
{
	return keeper_new(s, component, false);
}

struct tls_server *tls_keeper_new(struct service *s, const char *component)
{
	return keeper_new(s, component, true);
}

SSL_CTX *tls_keeper_context(const struct tls_server *t)
{
	return tls_server_usable(t) ? pairs_main(&t->now) : NULL;
}

SSL_CTX *tls_keeper_context_for(const struct tls_server *t, const char *name)
{
	for (size_t i = 0; tls_server_usable(t) && i < t->now.list.n; i++)
		if (str_iis(str_of(t->now.list.v[i].suffix), name))
			return t->now.list.v[i].ctx;
	return NULL;
}

struct tls_server *tls_server_new_file(const char *pem, char **why)
{
	struct tls_server *t = mem_new(struct tls_server);
	struct pair p = {0};

	t->options.min_version = TLS1_2_VERSION;
	t->options.verify = SSL_VERIFY_NONE;
	t->options.timeout = FILE_TIMEOUT_MS;
	p.ctx = tls_context(&t->options, true);
	if (!p.ctx || SSL_CTX_use_certificate_chain_file(p.ctx, pem) != 1 ||
	    SSL_CTX_use_PrivateKey_file(p.ctx, pem, SSL_FILETYPE_PEM) != 1) {
		*why = mem_printf("cannot use '%s': %s", pem, tls_error_text());
		SSL_CTX_free(p.ctx);
		tls_server_free(t);
		return NULL;
	}
	p.suffix = mem_strdup("");
	vec_push(&t->now.list, p);
	return t;
}

bool tls_server_usable(const struct tls_server *t)
{
	return t && t->now.list.n > 0 && (!t->service || t->key);
}

int64_t tls_server_timeout(const struct tls_server *t)
{
	return t->options.timeout;
}

void tls_server_free(struct tls_server *t)
{
	if (!t)
		return;
	timer_free(t->retry);
	t->retry = NULL;
	timer_free(t->silence);
	tls_waits_free(&t->waits);
	watch_free(t->watch);
	ipc_free(t->key);
	pairs_clear(&t->now);
	pairs_clear(&t->next);
	mem_wipe(t->tickets, sizeof t->tickets);
	mem_wipe(t->next_tickets, sizeof t->next_tickets);
	tls_options_release(&t->options);
	free(t->component);
	free(t);
}

/* The address that the client has called, as text; IPv4 in its own form. */
static struct str local_address(int fd, char out[INET6_ADDRSTRLEN])
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof ss;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&ss;
	const void *raw;
	int family;

	if (getsockname(fd, (struct sockaddr *)&ss, &n) < 0)
		return STR_NONE;
	family = ss.ss_family;
	if (family == AF_INET)
		raw = &((const struct sockaddr_in *)&ss)->sin_addr;
	else if (family == AF_INET6)
		raw = &in6->sin6_addr;
	else
		return STR_NONE;
	if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		family = AF_INET;
		raw = in6->sin6_addr.s6_addr + 12;
	}
	return str_of(inet_ntop(family, raw, out, INET6_ADDRSTRLEN));
}

int tls_accept(struct stream *st, struct tls_server *t, struct str local)
{
	char text[INET6_ADDRSTRLEN];
	SSL_CTX *ctx;
	SSL *ssl;

	if (!tls_server_usable(t))
		return -1;
	ctx = pairs_by_address(&t->now, local.n ? local : local_address(stream_fd(st), text));
	if (!ctx)
		ctx = pairs_main(&t->now);
	ssl = SSL_new(ctx ? ctx : t->now.list.v[0].ctx);
	if (ssl && t->service)
		tls_wait_allow(ssl);
	return tls_start(st, ssl, true);
}
