/*
 * After the login: a connection in clear goes to the session whole; one under TLS stays here, and
 * its bytes are carried between the two with bounded buffers on both sides.
 */
#include "config.h"

#include "login/login.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PROXY_SOFT = 128 * 1024 };

static void carry(struct login_conn *c, struct stream *from, struct stream *to)
{
	struct str data = stream_input(from);
	stream_write(to, data.p, data.n);
	stream_consume(from, data.n);
	if (stream_output_pending(to) > PROXY_SOFT)
		stream_pause(from);
}

static void front_input(void *ctx, struct stream *s)
{
	struct login_conn *c = ctx;
	c->received += stream_input(s).n;
	carry(c, s, c->back);
}

static void back_input(void *ctx, struct stream *s)
{
	struct login_conn *c = ctx;
	c->sent += stream_input(s).n;
	carry(c, s, c->stream);
}

static void front_drained(void *ctx, struct stream *s)
{
	struct login_conn *c = ctx;
	if (c->back)
		stream_resume(c->back);
}

static void back_drained(void *ctx, struct stream *s)
{
	struct login_conn *c = ctx;
	if (c->stream)
		stream_resume(c->stream);
}

/* What one side still had to say reaches the other before that is closed. */
static void front_closed(void *ctx, struct stream *s, enum stream_end why)
{
	struct login_conn *c = ctx;
	stream_free(s);
	c->stream = NULL;
	if (c->back)
		stream_finish(c->back);
	c->back = NULL;
	login_conn_end(c);
}

static void back_closed(void *ctx, struct stream *s, enum stream_end why)
{
	struct login_conn *c = ctx;
	stream_free(s);
	c->back = NULL;
	login_conn_end(c);
}

static const struct stream_handlers front_handlers = {
    front_input, front_drained, front_closed, NULL};
static const struct stream_handlers back_handlers = {back_input, back_drained, back_closed, NULL};

void login_proxy_free(struct login_conn *c)
{
	stream_free(c->back);
	c->back = NULL;
}

static void failed(struct login_conn *c, struct str why)
{
	log_error(NULL, "no session, user=%s, ip=[%s], protocol=%s: %.*s", c->user, c->peer,
	    c->protocol->log_name, STR_FMT(why));
	c->protocol->refused(
	    c, "UNAVAILABLE", "The mailbox cannot be opened now, please try again later.");
	c->state = LOGIN_COMMAND;
	c->protocol->bye(c, "Temporary problem");
	login_conn_end(c);
}

static void clear_started(void *ctx, int result, struct str why)
{
	struct login_conn *c = ctx;
	if (!c->ended && result < 0) {
		failed(c, why);
		return;
	}
	c->state = LOGIN_COMMAND;
	if (!c->ended)
		close(stream_detach(c->stream)); /* the session has its own */
	c->stream = NULL;
	login_conn_end(c);
}

void login_proxy_carry(struct login_conn *c)
{
	c->state = LOGIN_PROXY;
	c->since = clock_now();
	stream_timer(c->stream, 0); /* the session has its own time-outs */
	stream_handlers(c->stream, &front_handlers, c);
	stream_handlers(c->back, &back_handlers, c);
	stream_resume(c->stream);
	stream_resume(c->back);
}

static void proxied_started(void *ctx, int result, struct str why)
{
	struct login_conn *c = ctx;
	if (c->ended) {
		c->state = LOGIN_COMMAND;
		login_conn_end(c);
		return;
	}
	if (result < 0) {
		failed(c, why);
		return;
	}
	login_proxy_carry(c);
}

/* Before the session runs nothing is read from it; only its end would show. */
static void early_closed(void *ctx, struct stream *s, enum stream_end why)
{
	struct login_conn *c = ctx;
	stream_free(s);
	c->back = NULL;
	login_conn_end(c);
}

static const struct stream_handlers early_handlers = {back_input, NULL, early_closed, NULL};

static void common_environment(struct login_conn *c, struct buf *env)
{
	buf_addf(env, "TCPREMOTEIP=%s\nTCPREMOTEPORT=%u\nTCPLOCALPORT=%u\n", c->peer, c->peer_port,
	    c->local_port);
	if (c->tls)
		buf_addz(env, c->protocol == &login_imap ? "IMAP_TLS=1\n" : "POP3_TLS=1\n");
	c->protocol->environment(c, env);
}

static void hand_over_clear(struct login_conn *c, struct buf *env)
{
	struct str left = stream_input(c->stream);
	if (left.n) {
		buf_addf(env, "%s_INITIAL=", c->protocol->log_name);
		base64_encode(left, env);
		buf_addc(env, '\n');
		stream_discard(c->stream);
	}
	broker_session(c->l->broker, c->protocol->program, str_of(c->ticket), buf_str(env),
	    stream_fd(c->stream), clear_started, c);
}

static void stay_between(struct login_conn *c, struct buf *env)
{
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
		log_error(NULL, "cannot make a socket for the session of %s: %m", c->user);
		failed(c, STR("no descriptors"));
		return;
	}
	c->back = stream_new(service_loop(c->l->s), fds[0], LOGIN_PROXY_BUFFER, LOGIN_PROXY_HARD,
	    &early_handlers, c);
	if (!c->back) {
		close(fds[0]);
		close(fds[1]);
		failed(c, STR("no memory"));
		return;
	}
	stream_pause(c->back);
	broker_session(c->l->broker, c->protocol->program, str_of(c->ticket), buf_str(env), fds[1],
	    proxied_started, c);
	close(fds[1]);
}

void login_handover(struct login_conn *c)
{
	struct buf env;
	buf_init(&env, 64 * 1024);
	c->state = LOGIN_HANDOVER;
	stream_pause(c->stream);
	common_environment(c, &env);
	/* output that the client has not taken yet can't go with a descriptor */
	bool whole = !c->tls && stream_output_pending(c->stream) == 0 &&
		     stream_input(c->stream).n <= LOGIN_HANDOVER_MAX && !stream_eof(c->stream);
	if (whole)
		hand_over_clear(c, &env);
	else
		stay_between(c, &env);
	buf_free(&env);
}
