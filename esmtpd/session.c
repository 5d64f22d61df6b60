/* A session's life: beginning, the loop over its input, waiting, end. */
#include "config.h"
#include "esmtpd/session.h"

#include <arpa/inet.h>
#include <stdlib.h>

static void session_free(void *ctx)
{
	struct session *s = ctx;
	struct esmtpd *e = s->server;

	board_leave(e->board, s->place);
	*s->slot = s->next;
	if (s->next)
		s->next->slot = s->slot;
	e->n_sessions--;
	timer_free(s->timer);
	buf_free(&s->out);
	session_forget(s);
	free(s->policy.host);
	free(s->policy.greeting);
	free(s->host_name);
	free(s->external);
	free(s->outer_tls);
	free(s->remote_info);
	free(s->held_mail);
	free(s->command);
	door_settings_drop(s->settings);
	free(s);
	if ((e->draining || e->single) && e->n_sessions == 0 && e->idle)
		e->idle(e);
}

/* The record goes later: we may be deep inside its own calls. */
static void bury(struct session *s)
{
	s->state = ST_CLOSED;
	session_connect_cancel(s);
	session_auth_cancel(s);
	if (s->txn)
		gate_close(s->txn);
	s->txn = NULL;
	timer_clear(s->timer);
	if (loop_defer(s->server->loop, session_free, s) < 0)
		log_error(NULL, "out of memory, a session is not cleaned up");
}

void session_close(struct session *s)
{
	if (s->state == ST_CLOSED)
		return;
	s->waiting = false;
	session_flush(s);
	stream_finish(s->stream);
	bury(s);
}

void session_abort(struct session *s)
{
	if (s->state == ST_CLOSED)
		return;
	stream_free(s->stream);
	bury(s);
}

void session_set(char **field, struct str value)
{
	free(*field);
	*field = value.p ? mem_strndup(value.p, value.n) : NULL;
}

void session_reset(struct session *s)
{
	if (s->state & (ST_MAIL | ST_RCPT | ST_TEXT | ST_CHUNKS)) {
		gate_reset(s->txn);
		s->state = ST_READY;
	}
	session_set(&s->sender, STR_NONE);
	session_set(&s->rcpt, STR_NONE);
	s->utf8 = s->oversize = s->binary = s->prdr = false;
	s->rcpts = 0;
}

void session_forget(struct session *s)
{
	session_set(&s->helo, STR_NONE);
	if (s->login && s->txn)
		gate_auth(s->txn, STR_NONE, STR_NONE, NULL, NULL);
	session_set(&s->login, STR_NONE);
	session_auth_cancel(s);
	session_set(&s->sender, STR_NONE);
	session_set(&s->rcpt, STR_NONE);
	s->esmtp = s->utf8 = false;
	s->rcpts = 0;
}

/* ---- time ----------------------------------------------------------------------------------- */

/* Arms the timer for silence of `ms`, or for the end of the session if that is nearer. */
static void arm(struct session *s, int64_t ms)
{
	int64_t left = s->deadline - clock_mono_ms();

	if (left > ms)
		left = ms;
	timer_set(s->timer, left < 1 ? 1 : left);
}

/* A command has its time as a whole: more bytes do not make it longer. */
static void await_line(struct session *s)
{
	if (!s->line_by)
		s->line_by = clock_mono_ms() + s->settings->command_ms;
	arm(s, s->line_by - clock_mono_ms());
}

void session_wait(struct session *s, int64_t ms)
{
	s->waiting = true;
	stream_pause(s->stream);
	timer_set(s->timer, ms);
}

void session_wake(struct session *s)
{
	s->waiting = false;
	if (s->state == ST_CLOSED)
		return;
	session_go(s);
	if (!s->waiting && s->state != ST_CLOSED)
		stream_resume(s->stream);
}

static void timed_out(void *ctx)
{
	struct session *s = ctx;

	if (s->penalised) { /* the delay of a reply is over */
		s->penalised = false;
		session_wake(s);
		return;
	}
	if (s->held_mail) {
		session_name_late(s);
		return;
	}
	log_info(NULL, "timeout,relay=%s,port=%u,session=%s", s->peer_log, s->peer_port, s->id);
	if (s->state == ST_SECURING) {
		session_abort(s);
		return;
	}
	session_say(s, s->deadline <= clock_mono_ms() ? SMTP_R_SESSION_TIMEOUT : SMTP_R_TIMEOUT);
	session_close(s);
}

/* ---- input ---------------------------------------------------------------------------------- */

static void take_line(struct session *s, struct str line)
{
	if (s->state == ST_AUTH)
		session_auth_line(s, line);
	else
		session_command(s, line);
}

static void bad_line(struct session *s, enum smtp_reply_id why)
{
	session_set(&s->command, STR_NONE);
	if (s->state == ST_AUTH) {
		session_auth_cancel(s);
		s->state = ST_READY;
		if (why == SMTP_R_LINE_TOO_LONG)
			why = SMTP_R_AUTH_TOO_LONG;
	}
	session_say(s, why);
	/* a client that ends lines its own way would wait for ever, or wants to smuggle */
	if (why == SMTP_R_BARE_NEWLINE)
		session_close(s);
}

/* One line.  False when there is no whole one. */
static bool next_line(struct session *s)
{
	struct str line;
	size_t used;
	enum smtp_line r;

	s->lines.max = s->state == ST_AUTH ? SMTP_AUTH_LINE_MAX : s->settings->line_max;
	if (s->state == ST_READY || s->state == ST_HELLO)
		/* AUTH carries its first response on the command line (RFC 4954, section 4) */
		if (str_istarts(stream_input(s->stream), STR("AUTH ")))
			s->lines.max = SMTP_AUTH_LINE_MAX;
	r = smtp_lines_next(&s->lines, stream_input(s->stream), &line, &used);
	arena_reset(s->server->arena);
	if (r == SMTP_LINE_READY) /* the stream's memory is not ours for long */
		line = str_at(arena_strz(s->server->arena, line), line.n);
	stream_consume(s->stream, used);
	switch (r) {
	case SMTP_LINE_MORE:
		return false;
	case SMTP_LINE_READY:
		if (line.p)
			take_line(s, line);
		else
			bad_line(s, SMTP_R_NO_MEMORY);
		return true;
	case SMTP_LINE_TOO_LONG:
		bad_line(s, SMTP_R_LINE_TOO_LONG);
		return true;
	case SMTP_LINE_BARE:
		bad_line(s, SMTP_R_BARE_NEWLINE);
		return true;
	}
	return false;
}

static bool ready_for_input(const struct session *s)
{
	return !s->waiting && !(s->state & (ST_SECURING | ST_CONNECT | ST_CLOSED));
}

/* A client that sends commands without reading replies is not read either until it does. */
static bool blocked(struct session *s)
{
	if (s->out.n < SESSION_GROUP_MAX)
		return false;
	session_flush(s);
	if (stream_output_pending(s->stream) < SESSION_OUT_MAX / 2)
		return false;
	s->blocked = true;
	session_wait(s, s->settings->command_ms);
	return true;
}

void session_go(struct session *s)
{
	while (ready_for_input(s)) {
		if (s->last) {
			session_close(s);
			return;
		}
		if (blocked(s))
			return;
		if (!(s->state == ST_DATA      ? session_data_input(s)
			: s->state == ST_CHUNK ? session_bdat_input(s)
					       : next_line(s)))
			break;
		s->line_by = 0;
	}
	if (!ready_for_input(s))
		return;
	session_flush(s);
	if (s->door->shut && !(s->state & (ST_TEXT | ST_CHUNKS)))
		session_drain(s);
	else if (s->state & ST_TEXT)
		arm(s, s->settings->data_ms);
	else
		await_line(s);
}

void session_drain(struct session *s)
{
	if (s->waiting || s->state & (ST_TEXT | ST_CHUNKS | ST_CLOSED))
		return; /* looked at again when that is over */
	if (s->state == ST_SECURING) {
		session_abort(s);
		return;
	}
	session_say(s, SMTP_R_SHUTDOWN);
	session_close(s);
}

/* ---- the stream ----------------------------------------------------------------------------- */

static void on_input(void *ctx, struct stream *st)
{
	struct session *s = ctx;

	if (s->state != ST_CLOSED)
		session_go(s);
}

static void on_close(void *ctx, struct stream *st, enum stream_end why)
{
	struct session *s = ctx;

	if (s->state == ST_CLOSED)
		return;
	if (why == STREAM_TLS)
		log_warning(NULL, "tls,relay=%s,port=%u,session=%s: %s", s->peer_log, s->peer_port,
		    s->id, stream_error(st));
	if (why == STREAM_EOF) /* it may still read */
		session_close(s);
	else
		session_abort(s);
}

static void on_drain(void *ctx, struct stream *st)
{
	struct session *s = ctx;

	if (s->blocked) {
		s->blocked = false;
		session_wake(s);
	}
}

static void on_secure(void *ctx, struct stream *st)
{
	struct session *s = ctx;

	if (s->state == ST_SECURING)
		session_secured(s);
}

static const struct stream_handlers handlers = {
    .on_input = on_input,
    .on_drain = on_drain,
    .on_close = on_close,
    .on_secure = on_secure,
};

/* ---- beginning ------------------------------------------------------------------------------ */

static void address_text(const struct sockaddr_storage *ss, char *out, uint16_t *port)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;
	const struct sockaddr_in *in = (const struct sockaddr_in *)ss;

	*port = 0;
	out[0] = 0;
	if (ss->ss_family == AF_INET) {
		inet_ntop(AF_INET, &in->sin_addr, out, INET6_ADDRSTRLEN);
		*port = ntohs(in->sin_port);
	} else if (ss->ss_family == AF_INET6) {
		*port = ntohs(in6->sin6_port);
		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
			inet_ntop(AF_INET, in6->sin6_addr.s6_addr + 12, out, INET6_ADDRSTRLEN);
		else
			inet_ntop(AF_INET6, &in6->sin6_addr, out, INET6_ADDRSTRLEN);
	} else
		memcpy(out, "127.0.0.1", sizeof "127.0.0.1"); /* a socketpair: this host */
}

/* In logs IPv4 addresses stand in their IPv6 form, as ever. */
static void set_ends(struct session *s, const struct session_ends *ends)
{
	size_t used = 0;

	address_text(&ends->peer, s->peer, &s->peer_port);
	address_text(&ends->local, s->local, &s->local_port);
	if (ends->tls.n) {
		session_set(&s->outer_tls, ends->tls);
		s->secure = true;
	}
	if (ends->via[0])
		session_set(&s->remote_info, str_of(ends->via));
	if (!strchr(s->peer, ':')) {
		memcpy(s->peer_log, "::ffff:", 7);
		used = 7;
	}
	memcpy(s->peer_log + used, s->peer, strlen(s->peer) + 1);
}

static void enlist(struct session *s)
{
	struct esmtpd *e = s->server;

	s->next = e->sessions;
	s->slot = &e->sessions;
	if (s->next)
		s->next->slot = &s->next;
	e->sessions = s;
	e->n_sessions++;
	e->accepted_connections++;
}

struct session *session_new(struct esmtpd *e, struct door *d, int fd,
    const struct session_ends *ends, const struct board_place *place, bool over_ip)
{
	struct session *s = mem_new(struct session);

	s->server = e;
	s->door = d;
	s->settings = door_settings_hold(d->settings);
	s->place = *place;
	random_token(s->id, SESSION_ID_SIZE - 1);
	s->over_ip = over_ip;
	set_ends(s, ends);
	s->timer = timer_new(e->loop, timed_out, s);
	buf_init(&s->out, SESSION_OUT_MAX);
	smtp_lines_init(&s->lines, s->settings->line_max);
	s->deadline = clock_mono_ms() + s->settings->session_ms;
	s->stream = stream_new(e->loop, fd, SESSION_IN_MAX, SESSION_OUT_MAX, &handlers, s);
	enlist(s);
	log_info(NULL, "started,ip=[%s],port=[%u],session=%s%s%s", s->peer_log, s->peer_port, s->id,
	    s->remote_info ? ",proxy=" : "", s->remote_info ? s->remote_info : "");
	if (!s->stream || !s->timer)
		mem_alloc(SIZE_MAX / 2); /* a worker may die of memory */
	session_connect(s);
	return s;
}
