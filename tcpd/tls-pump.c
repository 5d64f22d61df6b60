#include "config.h"

#include "tcpd/couriertls.h"
#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* The clear side may be anybody's descriptor, so it stays as it is: it is only touched when poll(2)
 * says so, and gets at most what a pipe then takes without blocking. */
enum { PIECE = 4096, LINGER_MS = 10000 };

static short want_events(SSL *ssl, int result)
{
	switch (SSL_get_error(ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return POLLIN;
	case SSL_ERROR_WANT_WRITE:
		return POLLOUT;
	default:
		return 0;
	}
}

static void handshake_failed(SSL *ssl, char why[TLS_WHY_SIZE])
{
	long verify = SSL_get_verify_result(ssl);
	if (verify != X509_V_OK) {
		snprintf(why, TLS_WHY_SIZE, "the peer's certificate is not trusted: %s",
		    X509_verify_cert_error_string(verify));
		ERR_clear_error();
	} else
		snprintf(why, TLS_WHY_SIZE, "TLS does not begin: %s", tls_reason());
}

int tls_handshake(SSL *ssl, int fd, bool server, char why[TLS_WHY_SIZE])
{
	int64_t until = clock_mono_ms() + TLS_HANDSHAKE_MS;
	for (;;) {
		ERR_clear_error();
		errno = 0;
		int r = server ? SSL_accept(ssl) : SSL_connect(ssl);
		if (r == 1)
			return 0;
		struct pollfd p = {.fd = fd, .events = want_events(ssl, r)};
		int64_t left = until - clock_mono_ms();
		if (!p.events) {
			handshake_failed(ssl, why);
			return -1;
		}
		if (left <= 0) {
			snprintf(why, TLS_WHY_SIZE, "TLS does not begin: the peer is silent");
			return -1;
		}
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR) {
			snprintf(why, TLS_WHY_SIZE, "poll: %s", strerror(errno));
			return -1;
		}
	}
}

struct piece {
	char p[PIECE];
	size_t from, to;
};

struct pump {
	SSL *ssl;
	int fd, in, out;
	struct piece coming, going;      /* from the network, to the network */
	short coming_wants, going_wants; /* of the network; 0: nothing is waited for */
	bool net_ended, in_ended, out_ended, told, stay;
};

static bool empty(const struct piece *p)
{
	return p->from == p->to;
}

/* The network to us.  true: something has moved. */
static bool read_net(struct pump *u)
{
	if (u->net_ended || !empty(&u->coming) || u->out_ended)
		return false;
	ERR_clear_error();
	int n = SSL_read(u->ssl, u->coming.p, PIECE);
	u->coming_wants = n > 0 ? 0 : want_events(u->ssl, n);
	if (n > 0) {
		u->coming.from = 0;
		u->coming.to = (size_t)n;
	} else if (!u->coming_wants)
		u->net_ended = true;
	return n > 0 || u->net_ended;
}

static bool write_net(struct pump *u)
{
	if (empty(&u->going))
		return false;
	ERR_clear_error();
	int n = SSL_write(u->ssl, u->going.p + u->going.from, (int)(u->going.to - u->going.from));
	u->going_wants = n > 0 ? 0 : want_events(u->ssl, n);
	if (n > 0)
		u->going.from += (size_t)n;
	else if (!u->going_wants) { /* nobody hears us any more */
		u->going.from = u->going.to;
		u->net_ended = u->in_ended = true;
	}
	return n > 0 || u->net_ended;
}

static void read_in(struct pump *u)
{
	ssize_t n = read(u->in, u->going.p, PIECE);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	u->in_ended = n <= 0;
	u->going.from = 0;
	u->going.to = n > 0 ? (size_t)n : 0;
}

static void write_out(struct pump *u)
{
	ssize_t n = write(u->out, u->coming.p + u->coming.from, u->coming.to - u->coming.from);
	if (n > 0)
		u->coming.from += (size_t)n;
	else if (n < 0 && errno != EINTR && errno != EAGAIN) {
		u->out_ended = true;
		u->coming.from = u->coming.to;
	}
}

/* What has ended on one side is told to the other, once all of it is there. */
static void tell_ends(struct pump *u)
{
	if (u->in_ended && empty(&u->going) && !u->told) {
		u->told = true;
		if (!u->net_ended)
			SSL_shutdown(u->ssl);
	}
	if (u->net_ended && empty(&u->coming) && !u->out_ended) {
		u->out_ended = true;
		if (u->out != u->in || shutdown(u->out, SHUT_WR) < 0)
			u->in_ended = true; /* no socket: nobody can be told but by our end */
	}
}

static bool through(const struct pump *u)
{
	return u->told && (!u->stay || u->out_ended || u->net_ended) && empty(&u->coming);
}

/* Waits for whatever can go on; false when nothing did for idle_ms. */
static bool await(struct pump *u, int64_t idle_ms)
{
	struct pollfd p[3] = {{.fd = u->fd}, {.fd = -1}, {.fd = -1}};
	if (!u->net_ended && empty(&u->coming) && !u->out_ended)
		p[0].events |= u->coming_wants;
	if (!empty(&u->going))
		p[0].events |= u->going_wants;
	if (!p[0].events)
		p[0].fd = -1;
	if (!u->in_ended && empty(&u->going))
		p[1] = (struct pollfd){.fd = u->in, .events = POLLIN};
	if (!empty(&u->coming))
		p[2] = (struct pollfd){.fd = u->out, .events = POLLOUT};
	int n = poll(p, 3, idle_ms > 0 ? (int)idle_ms : -1);
	if (n < 0)
		return errno == EINTR;
	if (p[1].revents)
		read_in(u);
	if (p[2].revents)
		write_out(u);
	return n > 0;
}

void tls_pump(SSL *ssl, int fd, int in, int out, int64_t idle_ms, bool stay)
{
	struct pump u = {.ssl = ssl, .fd = fd, .in = in, .out = out, .stay = stay};
	for (;;) {
		bool moved = read_net(&u);
		moved = write_net(&u) || moved;
		tell_ends(&u);
		if (through(&u))
			return;
		int64_t patience = u.told && !stay ? LINGER_MS : idle_ms;
		if (!moved && !await(&u, patience))
			return;
		if (moved && !empty(&u.coming) && !await(&u, patience))
			return;
	}
}
