/* The connection: one address after the other, deadlines, replies. */
#include "config.h"

#include <errno.h>
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

/* ---- by way of a proxy ----------------------------------------------------------------------- */

static void ask_proxy(struct callout *c)
{
	socks_stream_begin(&c->socks, c->env->proxy, &c->hosts[c->host].addr, c->st);
	callout_enter(c, CALLOUT_SOCKS);
}

static void proxy_says(struct callout *c)
{
	const char *why = NULL;
	int r = socks_stream_feed(&c->socks, c->st, &why);
	if (r > 0) {
		callout_talk(c);
	} else if (r < 0) {
		callout_note(c, VERIFY_LATER, 0, "The SOCKS proxy gives no connection: %s", why);
		callout_next(c);
	}
}

/* ---- the stream ------------------------------------------------------------------------------ */

static void on_input(void *ctx, struct stream *s)
{
	struct callout *c = ctx;
	size_t used;
	if (c->state == CALLOUT_SOCKS) {
		proxy_says(c);
		return;
	}
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
	if (c->state == CALLOUT_TLS && opportunistic) {
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
	int e = outgoing_error(fd);
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
	if (c->env->proxy)
		ask_proxy(c);
	else
		callout_talk(c);
}

static int begin(struct callout *c, const struct callout_host *h)
{
	const struct sockaddr_storage *to = c->env->proxy ? &c->env->proxy->addr : &h->addr;
	const char *source = to->ss_family == AF_INET6 ? "ip6out" : "ipout";
	c->fd = outgoing_connect(to, config_str(c->env->config, "verify", source, NULL));
	if (c->fd < 0)
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
		outgoing_name(&h->addr, h->name, &c->peer);
		if (!begin(c, h))
			return;
		callout_note(c, VERIFY_LATER, 0, "%s", strerror(errno));
		callout_disconnect(c);
	}
	callout_finish(c);
}
