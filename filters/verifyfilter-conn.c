/* The connection: one address after the other, deadlines, replies. */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include "filters/verifyfilter-conn.h"

enum { INPUT_MAX = 16 * 1024, OUTPUT_MAX = 64 * 1024 };

void callout_enter(struct callout *c, enum callout_state st)
{
	c->state = st;
	if (c->st)
		stream_timer(c->st, CALLOUT_STEP_MS);
}

void callout_disconnect(struct callout *c)
{
	watch_free(c->connecting);
	c->connecting = NULL;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	if (c->st)
		stream_free(c->st);
	c->st = NULL;
	if (c->state == CALLOUT_NAME && c->lookup) {
		dns_cancel(c->env->dns, c->lookup);
		c->lookup = 0;
	}
	timer_free(c->timer);
	c->timer = NULL;
	reply_free(&c->reply);
	reply_init(&c->reply);
	c->has_tls = c->has_utf8 = c->tls = false;
}

void callout_next(struct callout *c)
{
	callout_disconnect(c);
	c->clear_only = false;
	c->host++;
	callout_connect(c);
}

void callout_retry_clear(struct callout *c)
{
	callout_disconnect(c);
	c->clear_only = true;
	callout_connect(c);
}

/* ---- the stream ------------------------------------------------------------------------------ */

static void on_input(void *ctx, struct stream *s)
{
	struct callout *c = ctx;
	size_t used;
	enum reply_state st = reply_feed(&c->reply, stream_input(s), &used);
	stream_consume(s, used);
	if (st == REPLY_READY) {
		callout_reply(c);
	} else if (st == REPLY_BROKEN) {
		callout_note(c, VERIFY_LATER, 0, "The server does not speak SMTP.");
		callout_next(c);
	}
}

static void on_close(void *ctx, struct stream *s, enum stream_end why)
{
	struct callout *c = ctx;
	bool opportunistic = c->route.security == ROUTE_OPPORTUNISTIC;
	if (c->state == CALLOUT_TLS && why != STREAM_TIMEOUT && opportunistic) {
		callout_retry_clear(c);
		return;
	}
	if (why == STREAM_TIMEOUT)
		callout_note(c, VERIFY_LATER, 0, "The server does not answer.");
	else if (why == STREAM_TLS)
		callout_note(c, VERIFY_LATER, 0, "TLS failed: %s", stream_error(s));
	else
		callout_note(c, VERIFY_LATER, 0, "The connection was closed.");
	callout_next(c);
}

static void on_secure(void *ctx, struct stream *s UNUSED)
{
	callout_secured(ctx);
}

static const struct stream_handlers handlers = {
    .on_input = on_input, .on_close = on_close, .on_secure = on_secure};

/* ---- connecting ------------------------------------------------------------------------------ */

static void connect_failed(struct callout *c, int e)
{
	callout_note(c, VERIFY_LATER, 0, "%s", strerror(e));
	callout_next(c);
}

static void connect_late(void *ctx)
{
	connect_failed(ctx, ETIMEDOUT);
}

static void connect_event(void *ctx, int fd, int what UNUSED)
{
	struct callout *c = ctx;
	int e = 0;
	socklen_t n = sizeof e;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n))
		e = errno;
	if (!e) {
		watch_free(c->connecting);
		c->connecting = NULL;
		timer_clear(c->timer);
		c->st = stream_new(c->env->loop, fd, INPUT_MAX, OUTPUT_MAX, &handlers, c);
		e = c->st ? 0 : ENOMEM;
	}
	if (e) {
		connect_failed(c, e);
		return;
	}
	c->fd = -1;
	callout_talk(c);
}

/* ipout and ip6out; "0" and nothing leave the choice to the system. */
static int bind_source(struct callout *c, int fd, int family)
{
	bool six = family == AF_INET6;
	const char *ip = config_z(c->env->config, "verify", six ? "ip6out" : "ipout", NULL);
	struct sockaddr_storage ss = {.ss_family = (sa_family_t)family};
	void *at = six ? (void *)&((struct sockaddr_in6 *)&ss)->sin6_addr
		       : (void *)&((struct sockaddr_in *)&ss)->sin_addr;
	if (!*ip || strcmp(ip, "0") == 0)
		return 0;
	if (inet_pton(family, ip, at) != 1) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	return bind(fd, (struct sockaddr *)&ss,
	    six ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
}

static void name_remote(struct callout *c, const struct callout_host *h)
{
	char ip[INET6_ADDRSTRLEN] = "";
	const void *at = h->addr.ss_family == AF_INET6
			     ? (const void *)&((const struct sockaddr_in6 *)&h->addr)->sin6_addr
			     : (const void *)&((const struct sockaddr_in *)&h->addr)->sin_addr;
	inet_ntop(h->addr.ss_family, at, ip, sizeof ip);
	bool literal = h->name[0] == '[' || strcmp(h->name, ip) == 0;
	snprintf(c->host_name, sizeof c->host_name, "%s", literal ? ip : h->name);
	snprintf(c->remote, sizeof c->remote, "%s%s[%s]", literal ? "" : h->name,
	    literal ? "" : " ", ip);
}

static int begin(struct callout *c, const struct callout_host *h)
{
	int family = h->addr.ss_family;
	socklen_t n = family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	c->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || bind_source(c, c->fd, family))
		return -1;
	if (connect(c->fd, (const struct sockaddr *)&h->addr, n) && errno != EINPROGRESS)
		return -1;
	c->timer = timer_new(c->env->loop, connect_late, c);
	c->connecting = watch_new(c->env->loop, c->fd, connect_event, c);
	if (!c->connecting || !c->timer) {
		errno = ENOMEM;
		return -1;
	}
	watch_set(c->connecting, WATCH_WRITE);
	timer_set(c->timer, c->env->connect_ms);
	return 0;
}

void callout_connect(struct callout *c)
{
	for (; c->host < c->n_hosts; c->host++) {
		const struct callout_host *h = &c->hosts[c->host];
		c->state = CALLOUT_CONNECT;
		buf_clear(&c->command);
		name_remote(c, h);
		if (!begin(c, h))
			return;
		callout_note(c, VERIFY_LATER, 0, "%s", strerror(errno));
		callout_disconnect(c);
	}
	callout_finish(c);
}
