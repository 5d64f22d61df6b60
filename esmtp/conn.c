/* The life of a connection: candidates one after the other, deadlines, replies, the end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "esmtp/candidates.h"
#include "esmtp/connect.h"

enum {
	INPUT_MAX = 16 * 1024,
	OUTPUT_MAX = 4 * 1024 * 1024, /* envelopes of thousands of recipients */
	IDLE_MAX = 200,               /* idle connections of the whole process */
	PART_MS = 2000,               /* for the last words when the process ends */
};

/* ---- states and their deadlines -------------------------------------------------------------- */

static int64_t deadline_of(const struct conn *c, enum conn_state st)
{
	const struct settings *s = target_settings(c->t);
	switch (st) {
	case CONN_SOCKS:
		return s->connect_ms;
	case CONN_GREETING:
	case CONN_EHLO:
	case CONN_HELO:
	case CONN_TLS:
	case CONN_TLS_FIRST:
		return s->helo_ms;
	case CONN_BODY:
	case CONN_FINAL:
		return s->data_ms > s->command_ms ? s->data_ms : s->command_ms;
	case CONN_QUIT:
		return s->quit_ms;
	case CONN_IDLE:
	case CONN_NAME:
		return 0;
	default:
		return s->command_ms;
	}
}

static int64_t deadline(const struct conn *c, enum conn_state st)
{
	int64_t ms = deadline_of(c, st);
	bool last = !c->job && (st == CONN_CANCEL || st == CONN_RSET || st == CONN_QUIT);
	return last && ms > PART_MS && service_draining(c->e->service) ? PART_MS : ms;
}

void conn_enter(struct conn *c, enum conn_state st)
{
	if (c->state == CONN_IDLE && st != CONN_IDLE) {
		c->e->idle--;
		timer_clear(c->timer);
	}
	c->state = st;
	if (c->st)
		stream_timer(c->st, deadline(c, st));
}

void conn_command(struct conn *c, enum conn_state st, const char *fmt, ...)
{
	struct buf line;
	va_list ap;
	buf_init(&line, 16 * 1024);
	va_start(ap, fmt);
	buf_vaddf(&line, fmt, ap);
	va_end(ap);
	stream_put(c->st, buf_str(&line));
	stream_put(c->st, STR("\r\n"));
	buf_free(&line);
	conn_enter(c, st);
}

bool conn_idle(const struct conn *c)
{
	return c->state == CONN_IDLE;
}

bool conn_clearing(const struct conn *c)
{
	return c->state == CONN_RSET || c->state == CONN_CANCEL;
}

/* ---- the end --------------------------------------------------------------------------------- */

void conn_disconnect(struct conn *c)
{
	if (c->st)
		conn_hang_up(c);
	conn_enter(c, CONN_CONNECT);
	connect_drop(c);
	if (c->helo_lookup)
		dns_cancel(c->e->dns, c->helo_lookup);
	c->helo_lookup = 0;
	sasl_client_free(c->sasl);
	c->sasl = NULL;
	timer_clear(c->timer);
	transaction_free(c);
	reply_free(&c->reply);
	reply_init(&c->reply);
	c->tls = c->resuming = false;
	c->ext = 0;
	c->messages = 0;
	c->mails = 0;
}

static void conn_free(struct conn *c)
{
	conn_disconnect(c);
	reply_free(&c->reply);
	timer_free(c->timer);
	free(c);
}

void conn_drop(struct conn *c)
{
	struct target *t = c->t;
	for (size_t i = 0; i < t->conns.n; i++) {
		if (t->conns.v[i] == c) {
			vec_remove(&t->conns, i);
			break;
		}
	}
	if (!c->opened)
		t->n_opening--;
	if (c->job)
		job_free(c->job);
	conn_free(c);
}

void conn_lose(struct conn *c)
{
	struct esmtp *e = c->e;
	target_lost(c->t, c);
	conn_free(c);
	if (service_draining(e->service))
		module_parted();
}

void conn_quit(struct conn *c)
{
	conn_command(c, CONN_QUIT, "QUIT");
}

void conn_retry_clear(struct conn *c)
{
	esmtp_no_tls_add(c->e, str_of(c->peer.remote));
	conn_disconnect(c);
	c->clear_only = true;
	connect_again(c);
}

/* ---- input ----------------------------------------------------------------------------------- */

static void dispatch(struct conn *c)
{
	switch (c->state) {
	case CONN_ENVELOPE:
	case CONN_BODY:
	case CONN_FINAL:
	case CONN_PROBE:
	case CONN_CANCEL:
		transaction_reply(c);
		return;
	case CONN_AUTH:
		auth_reply(c);
		return;
	case CONN_RSET:
		if (c->reply.code / 100 == 2)
			conn_ready(c);
		else
			conn_lose(c);
		return;
	case CONN_IDLE: /* nothing was asked: it says goodbye, or is out of step */
	case CONN_QUIT:
		conn_lose(c);
		return;
	default:
		session_reply(c);
	}
}

/* One reply a turn: a handler may end the connection, so nothing of it is touched afterwards; the
 * stream calls again while there is input. */
static void on_input(void *ctx, struct stream *s)
{
	struct conn *c = ctx;
	size_t used;
	if (c->state == CONN_SOCKS) {
		connect_socks(c);
		return;
	}
	enum reply_state st = reply_feed(&c->reply, stream_input(s), &used);
	stream_consume(s, used);
	if (st == REPLY_BROKEN) {
		if (c->state == CONN_IDLE || c->state == CONN_QUIT)
			conn_lose(c);
		else
			conn_trouble(c, NULL, "4.5.0", "the server does not speak SMTP");
	} else if (st == REPLY_READY) {
		dispatch(c);
	}
}

static void on_drain(void *ctx, struct stream *s UNUSED)
{
	struct conn *c = ctx;
	if (c->state == CONN_BODY)
		transaction_more(c);
}

static const char *const phase[CONN_STATES] = {
    [CONN_CONNECT] = "connecting",
    [CONN_SOCKS] = "waiting for the SOCKS proxy",
    [CONN_TLS_FIRST] = "the TLS handshake",
    [CONN_GREETING] = "waiting for the greeting",
    [CONN_NAME] = "looking up our name",
    [CONN_EHLO] = "EHLO",
    [CONN_HELO] = "HELO",
    [CONN_STARTTLS] = "STARTTLS",
    [CONN_TLS] = "the TLS handshake",
    [CONN_AUTH] = "AUTH",
    [CONN_IDLE] = "idling",
    [CONN_ENVELOPE] = "MAIL, RCPT or DATA",
    [CONN_BODY] = "sending the message",
    [CONN_FINAL] = "waiting for the answer to the message",
    [CONN_PROBE] = "MAIL",
    [CONN_CANCEL] = "giving up DATA",
    [CONN_RSET] = "RSET",
    [CONN_QUIT] = "QUIT",
};

/* A peer whose TLS fails gets its mail in clear, unless clear is not allowed. */
static bool clear_will_do(const struct conn *c, enum stream_end why)
{
	bool shaking = c->state == CONN_TLS;
	return (shaking || (c->state == CONN_STARTTLS && why != STREAM_TIMEOUT)) &&
	       !c->need.required && c->need.verify == TLS_OPPORTUNISTIC;
}

static void on_close(void *ctx, struct stream *s, enum stream_end why)
{
	struct conn *c = ctx;
	if (c->state == CONN_IDLE || c->state == CONN_QUIT || c->state == CONN_RSET) {
		conn_lose(c);
		return;
	}
	if (c->resuming && why != STREAM_TIMEOUT) { /* once more, without it */
		tls_client_forget(c->e->tls, c->peer.host, c->need.verify);
		conn_disconnect(c);
		connect_again(c);
		return;
	}
	if (clear_will_do(c, why)) {
		log_warning(NULL, "TLS with %s failed (%s): sending in clear for some hours",
		    c->peer.remote,
		    why == STREAM_TLS       ? stream_error(s)
		    : why == STREAM_TIMEOUT ? "it does not answer"
					    : "connection closed");
		conn_retry_clear(c);
		return;
	}
	switch (why) {
	case STREAM_TIMEOUT:
		conn_trouble(c, NULL, "4.4.2", "timed out while %s", phase[c->state]);
		break;
	case STREAM_TLS:
		conn_trouble(c, NULL, c->need.status, "TLS failed%s: %s", session_tls_reason(c),
		    stream_error(s));
		break;
	case STREAM_ERROR:
		conn_trouble(c, NULL, "4.4.2", "%s during: %s", strerror(errno), phase[c->state]);
		break;
	default:
		conn_trouble(c, NULL, "4.4.2", "connection closed during: %s", phase[c->state]);
	}
}

static void on_secure(void *ctx, struct stream *s UNUSED)
{
	session_secure(ctx);
}

static const struct stream_handlers handlers = {on_input, on_drain, on_close, on_secure};

/* ---- connecting ------------------------------------------------------------------------------ */

static void ask_proxy(struct conn *c, const struct sockaddr_storage *to)
{
	socks_stream_begin(&c->socks, target_settings(c->t)->proxy, to, c->st);
	conn_enter(c, CONN_SOCKS);
}

void conn_connected(struct conn *c, int fd, const struct sockaddr_storage *to)
{
	c->st = stream_new(c->e->loop, fd, INPUT_MAX, OUTPUT_MAX, &handlers, c);
	if (!c->st) {
		close(fd);
		conn_trouble(c, NULL, "4.3.0", "out of memory");
	} else if (target_settings(c->t)->proxy) {
		ask_proxy(c, to);
	} else {
		session_start(c);
	}
}

void conn_no_more(struct conn *c)
{
	struct target *t = c->t;
	target_failed(t, c);
	conn_free(c);
}

/* ---- idle ------------------------------------------------------------------------------------ */

static void timer_fired(void *ctx)
{
	struct conn *c = ctx;
	const struct settings *s = target_settings(c->t);
	if (c->state != CONN_IDLE) {
		connect_time_over(c);
		return;
	}
	if (clock_mono_ms() - c->idle_since >= s->keepalive_ms)
		conn_quit(c);
	else
		conn_command(c, CONN_RSET, "RSET");
}

static void rest(struct conn *c)
{
	const struct settings *s = target_settings(c->t);
	int64_t now = clock_mono_ms();
	if (c->state != CONN_RSET || !c->idle_since)
		c->idle_since = now;
	int64_t left = c->idle_since + s->keepalive_ms - now;
	if (left <= 0 || c->e->idle >= IDLE_MAX || service_draining(c->e->service)) {
		conn_quit(c);
		return;
	}
	conn_enter(c, CONN_IDLE);
	c->e->idle++;
	timer_set(c->timer, s->ping_ms && s->ping_ms < left ? s->ping_ms : left);
}

/* It has had as many messages as it takes in a session (RFC 9422). */
bool conn_spent(const struct conn *c)
{
	return c->limits.mails && c->mails >= c->limits.mails;
}

void conn_ready(struct conn *c)
{
	bool first = !c->opened;
	struct target *t = c->t;
	c->opened = true;
	if (first)
		target_opened(t);
	bool spent = conn_spent(c);
	if (spent)
		conn_quit(c);
	else if (!target_feed(t, c))
		rest(c);
	if (first || spent)
		target_work(t);
}

void conn_deliver(struct conn *c, struct job *j)
{
	c->job = j;
	c->idle_since = 0;
	transaction_begin(c);
}

void conn_open(struct target *t)
{
	struct conn *c = mem_new(struct conn);
	c->t = t;
	c->e = t->e;
	connect_init(c);
	c->timer = timer_new(t->e->loop, timer_fired, c);
	reply_init(&c->reply);
	vec_push(&t->conns, c);
	/* others that are opening are somewhere in this list */
	if (!t->n_opening++)
		candidates_mix(t);
	connect_begin(c);
}
