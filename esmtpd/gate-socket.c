#include "config.h"

#include "esmtpd/gate-socket.h"
#include "smtp/smtp.h"
#include <stdlib.h>

enum { ENV_MAX_BYTES = 64 * 1024 };

struct gate_client {
	struct loop *loop;
	const struct instance *in;
	struct str env, host;
};

struct gate_txn {
	struct gate_client *client;
	struct gate_sync *sync; /* NULL: the gate is gone */
	struct gate_policy policy;
	struct gate_reply reply;
	gate_connected connected;
	gate_answer answer;
	void *ctx;
};

struct gate_client *gate_socket_new(
    struct loop *l, const struct instance *in, struct str env, struct str host)
{
	struct gate_client *g = mem_new(struct gate_client);
	*g = (struct gate_client){l, in, env, host};
	return g;
}

static struct gate_reply no_gate(void)
{
	const struct smtp_reply *r = smtp_reply(SMTP_R_NO_GATE);
	return (struct gate_reply){r->code, str_of(r->enhanced), str_of(r->text), STR_NONE};
}

static void lose(struct gate_txn *t)
{
	gate_sync_close(t->sync);
	t->sync = NULL;
	t->reply = no_gate();
}

/* ---- answers come from the loop -------------------------------------------------------------- */

static void tell_policy(void *ctx)
{
	struct gate_txn *t = ctx;
	t->connected(t->ctx, &t->policy);
}

static void tell_reply(void *ctx)
{
	struct gate_txn *t = ctx;
	t->answer(t->ctx, &t->reply);
}

static void later(struct gate_txn *t, void (*fn)(void *ctx))
{
	if (loop_defer(t->client->loop, fn, t) < 0)
		mem_alloc(SIZE_MAX / 2); /* no memory for a few bytes: the session ends with us */
}

static void conclude(struct gate_txn *t, int result, gate_answer cb, void *ctx)
{
	if (result < 0)
		lose(t);
	t->answer = cb;
	t->ctx = ctx;
	later(t, tell_reply);
}

/* ---- the face -------------------------------------------------------------------------------- */

struct gate_txn *gate_open(
    struct gate_client *g, const struct gate_origin *o, gate_connected cb, void *ctx)
{
	struct gate_txn *t = mem_new(struct gate_txn);
	struct gate_origin mine = *o;
	struct buf env;
	buf_init(&env, ENV_MAX_BYTES);
	buf_adds(&env, g->env);
	buf_adds(&env, o->env);
	mine.env = buf_str(&env);
	if (g->host.n)
		mine.remote_host = g->host;
	*t = (struct gate_txn){.client = g, .connected = cb, .ctx = ctx};
	t->sync = env.failed ? NULL : gate_sync_open_policy(g->in, &mine, &t->policy);
	buf_free(&env);
	if (!t->sync)
		t->policy = (struct gate_policy){.deny = true, .reply = no_gate()};
	later(t, tell_policy);
	return t;
}

void gate_name(struct gate_txn *t, struct str host)
{
	(void)t; /* the name came with the environment */
	(void)host;
}

void gate_close(struct gate_txn *t)
{
	if (!t)
		return;
	loop_defer_cancel(t->client->loop, tell_policy, t);
	loop_defer_cancel(t->client->loop, tell_reply, t);
	gate_sync_close(t->sync);
	free(t);
}

void gate_mail(struct gate_txn *t, const struct gate_mail *m, gate_answer cb, void *ctx)
{
	conclude(t, t->sync ? gate_sync_mail(t->sync, m, &t->reply) : -1, cb, ctx);
}

void gate_rcpt(struct gate_txn *t, const struct gate_rcpt *r, gate_answer cb, void *ctx)
{
	conclude(t, t->sync ? gate_sync_rcpt(t->sync, r, &t->reply) : -1, cb, ctx);
}

void gate_auth(
    struct gate_txn *t, struct str ticket, struct str mechanism, gate_answer cb, void *ctx)
{
	(void)ticket;
	(void)mechanism;
	t->reply = (struct gate_reply){454, STR("4.7.0"), STR("Nobody logs in here"), STR_NONE};
	conclude(t, 0, cb, ctx); /* AUTH is not offered */
}

void gate_vrfy(struct gate_txn *t, struct str address, bool expand, gate_answer cb, void *ctx)
{
	conclude(t, t->sync ? gate_sync_vrfy(t->sync, address, expand, &t->reply) : -1, cb, ctx);
}

bool gate_data(struct gate_txn *t, struct str chunk, void (*writable)(void *ctx), void *ctx)
{
	(void)writable; /* the call has waited itself */
	(void)ctx;
	if (t->sync && gate_sync_data(t->sync, chunk) < 0)
		lose(t); /* the answer to the end tells */
	return true;
}

void gate_end(struct gate_txn *t, gate_answer cb, void *ctx)
{
	conclude(t, t->sync ? gate_sync_end(t->sync, &t->reply) : -1, cb, ctx);
}

void gate_reset(struct gate_txn *t)
{
	if (t->sync && gate_sync_reset(t->sync) < 0)
		lose(t);
}
