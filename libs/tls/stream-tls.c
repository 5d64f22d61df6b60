/* TLS below a stream: OpenSSL on the stream's own non-blocking descriptor. */
#include "config.h"
#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include "tls/tls-private.h"

struct tls_conn {
	SSL *ssl;
	struct tls_wait wait;
	char why[160];
};

static const struct stream_io tls_io;

/* OpenSSL's word; for a certificate also why it was not believed.  One that nobody checks has such
 * a result as well, and has nothing to do with other faults. */
static void explain(struct tls_conn *c)
{
	unsigned long e = ERR_peek_error();
	bool certificate =
	    ERR_GET_LIB(e) == ERR_LIB_SSL && ERR_GET_REASON(e) == SSL_R_CERTIFICATE_VERIFY_FAILED;
	long verify = certificate ? SSL_get_verify_result(c->ssl) : X509_V_OK;

	snprintf(c->why, sizeof c->why, "%s%s%s", tls_error_text(), verify == X509_V_OK ? "" : ": ",
	    verify == X509_V_OK ? "" : X509_verify_cert_error_string(verify));
}

/* What a call that returned `r` <= 0 means: 0 wait for *want, -1 failed, 1 clean end. */
static int outcome(struct tls_conn *c, int r, int *want)
{
	int saved = errno;

	switch (SSL_get_error(c->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		*want = WATCH_READ;
		return 0;
	case SSL_ERROR_WANT_WRITE:
		*want = WATCH_WRITE;
		return 0;
	case SSL_ERROR_ZERO_RETURN:
		return 1;
	case SSL_ERROR_SYSCALL:
		snprintf(c->why, sizeof c->why, "%s",
		    saved ? strerror(saved) : "connection closed during TLS");
		errno = saved ? saved : ECONNRESET;
		return -1;
	default:
		explain(c);
		errno = EPROTO;
		return -1;
	}
}

static ssize_t conn_read(void *io, void *p, size_t n, int *want)
{
	struct tls_conn *c = io;
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_read(c->ssl, p, n > INT32_MAX ? INT32_MAX : (int)n);
	if (r > 0)
		return r;
	switch (outcome(c, r, want)) {
	case 1:
		return 0;
	case 0:
		errno = EAGAIN;
		return -1;
	default:
		return -1;
	}
}

static ssize_t conn_write(void *io, const void *p, size_t n, int *want)
{
	struct tls_conn *c = io;
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_write(c->ssl, p, n > INT32_MAX ? INT32_MAX : (int)n);
	if (r > 0)
		return r;
	switch (outcome(c, r, want)) {
	case 1:
		errno = EPIPE;
		return -1;
	case 0:
		errno = EAGAIN;
		return -1;
	default:
		return -1;
	}
}

/* While a signature is made the client has nothing to say; if there is something all the same (it
 * has hung up), that has to wait: nothing is watched then. */
static int conn_handshake(void *io, int *want)
{
	struct tls_conn *c = io;
	bool stood = c->wait.state == TLS_WAIT_ASKED;
	int r;

	ERR_clear_error();
	errno = 0;
	r = tls_wait_shake(&c->wait, c->ssl);
	if (r == 1)
		return 1;
	if (r < 0 && SSL_want_async(c->ssl)) {
		*want = stood ? 0 : WATCH_READ;
		return 0;
	}
	return outcome(c, r, want) == 0 ? 0 : -1;
}

static void conn_shutdown(void *io)
{
	struct tls_conn *c = io;

	ERR_clear_error();
	if (SSL_is_init_finished(c->ssl))
		SSL_shutdown(c->ssl); /* our close notice; the peer's is not waited for */
	ERR_clear_error();
}

static const char *conn_error(void *io)
{
	return ((struct tls_conn *)io)->why;
}

static void conn_free(void *io)
{
	struct tls_conn *c = io;

	tls_wait_give_up(&c->wait, c->ssl);
	SSL_free(c->ssl);
	free(c);
}

static const struct stream_io tls_io = {
    .read = conn_read,
    .write = conn_write,
    .handshake = conn_handshake,
    .shutdown = conn_shutdown,
    .error = conn_error,
    .free = conn_free,
};

int tls_start(struct stream *st, SSL *ssl, bool server)
{
	struct tls_conn *c;

	if (!ssl || SSL_set_fd(ssl, stream_fd(st)) != 1) {
		tls_log_errors("cannot start a connection");
		SSL_free(ssl);
		return -1;
	}
	if (server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	c = mem_new(struct tls_conn);
	c->ssl = ssl;
	c->wait.stream = st;
	stream_set_io(st, &tls_io, c);
	return 0;
}

const SSL *tls_ssl(const struct stream *st)
{
	const struct tls_conn *c = stream_io(st);

	return c ? c->ssl : NULL;
}

const char *tls_version(const struct stream *st)
{
	const SSL *ssl = tls_ssl(st);

	return ssl ? SSL_get_version(ssl) : "";
}

const char *tls_cipher(const struct stream *st)
{
	const SSL *ssl = tls_ssl(st);

	return ssl ? SSL_get_cipher_name(ssl) : "";
}

int tls_cipher_bits(const struct stream *st)
{
	const SSL *ssl = tls_ssl(st);

	return ssl ? SSL_get_cipher_bits(ssl, NULL) : 0;
}

bool tls_resumed(const struct stream *st)
{
	const SSL *ssl = tls_ssl(st);

	return ssl && SSL_session_reused(ssl);
}

bool tls_channel_binding(const struct stream *st, struct buf *out)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	struct tls_conn *c = stream_io(st);
	unsigned char bytes[32];

	if (!c || SSL_version(c->ssl) != TLS1_3_VERSION)
		return false;
	if (SSL_export_keying_material(c->ssl, bytes, sizeof bytes, label, sizeof label - 1,
		(const unsigned char *)"", 0, 1) != 1) {
		ERR_clear_error();
		return false;
	}
	return buf_add(out, bytes, sizeof bytes);
}

bool tls_peer_verified(const struct stream *st)
{
	const SSL *ssl = tls_ssl(st);

	return ssl && SSL_get0_peer_certificate(ssl) && SSL_get_verify_result(ssl) == X509_V_OK;
}

void tls_describe(const struct stream *st, struct buf *out)
{
	if (tls_ssl(st))
		buf_addf(
		    out, "%s %s %d bits", tls_version(st), tls_cipher(st), tls_cipher_bits(st));
}
