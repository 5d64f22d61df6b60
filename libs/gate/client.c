/*
 * The async client.
 *
 * A transaction is known to the gate process at the other end of the edge since its OPEN; `epoch`
 * counts the edges, so a transaction whose epoch is not the client's must say OPEN again.  What is
 * asked while no edge is up waits in `waiting` and leaves when there is one, or is answered with a
 * temporary failure when GATE_WAIT_MS have passed.
 */
#include "gate/client-private.h"

const struct gate_reply gate_gone = {
    .code = 451,
    .enhanced = STR_INIT("4.3.0"),
    .text = STR_INIT("Mail submission is not available at the moment, try again later"),
};

const struct gate_reply gate_forgotten = {
    .code = 421,
    .enhanced = STR_INIT("4.3.0"),
    .text = STR_INIT("Your login has been lost, connect again"),
};

void gate_txn_free(struct gate_txn *t)
{
	while (t->requests) {
		struct request *r = t->requests;
		t->requests = r->next;
		free(r);
	}
	while (t->waiting) {
		struct frame *f = t->waiting;
		t->waiting = f->next;
		free(f);
	}
	buf_free(&t->open);
	buf_free(&t->name);
	free(t);
}

static void txn_enter(struct gate_txn *t)
{
	t->busy++;
}

static void txn_leave(struct gate_txn *t)
{
	if (--t->busy == 0 && t->closed)
		gate_txn_free(t);
}

/* ---- answers --------------------------------------------------------------------------------- */

/* The oldest request is answered; the transaction may be closed afterwards, but not freed while
 * its caller has entered it. */
static void answer_first(struct gate_txn *t, const struct gate_reply *r)
{
	struct request *q = t->requests;
	t->requests = q->next;
	if (!t->requests)
		t->requests_end = &t->requests;
	if (q->cb)
		q->cb(q->ctx, r);
	free(q);
}

static void answer_policy(struct gate_txn *t, const struct gate_policy *p)
{
	gate_connected cb = t->connected;
	t->connected = NULL;
	t->open_failed = false;
	if (cb)
		cb(t->connected_ctx, p);
}

void gate_answer_failed(void *ctx)
{
	struct gate_txn *t = ctx;
	txn_enter(t);
	if (t->open_failed) {
		struct gate_policy p = {.deny = true, .reply = gate_gone};
		p.reply.code = 421;
		answer_policy(t, &p);
	}
	while (!t->closed && t->requests && t->requests->failed)
		answer_first(t, t->requests->failed);
	if (!t->closed && t->writable) {
		void (*writable)(void *) = t->writable;
		t->writable = NULL;
		writable(t->writable_ctx);
	}
	txn_leave(t);
}

/* Whatever is outstanding gets its temporary failure, soon. */
static void txn_fail(struct gate_txn *t)
{
	for (struct request *r = t->requests; r; r = r->next)
		r->failed = r->failed ? r->failed : t->login ? &gate_forgotten : &gate_gone;
	while (t->waiting) {
		struct frame *f = t->waiting;
		t->waiting = f->next;
		free(f);
	}
	t->waiting_end = &t->waiting;
	t->waiting_bytes = 0;
	t->open_failed = t->connected != NULL;
	t->lost = t->in_message;
	t->login_lost = t->login;
	t->epoch = 0;
	loop_defer_cancel(service_loop(t->client->service), gate_answer_failed, t);
	loop_defer(service_loop(t->client->service), gate_answer_failed, t);
}

/* ---- sending --------------------------------------------------------------------------------- */

void gate_put_on_wire(struct gate_txn *t, struct ipc *c, uint16_t type, struct str body)
{
	ipc_compose(c, type, t->id);
	ipc_put_rest(c, body);
	if (ipc_send(c, -1) < 0) {
		log_warning(NULL, "cannot send to the gate: %m");
		txn_fail(t);
	}
}

void gate_say_open(struct gate_txn *t, struct ipc *c)
{
	if (t->epoch == t->client->epoch)
		return;
	t->epoch = t->client->epoch;
	gate_put_on_wire(t, c, GATE_OPEN, buf_str(&t->open));
	if (t->name.n && t->epoch)
		gate_put_on_wire(t, c, GATE_NAME, buf_str(&t->name));
}

static void wait_with(struct gate_txn *t, uint16_t type, struct str body)
{
	struct frame *f = mem_alloc(sizeof(*f) + body.n);
	*f = (struct frame){.type = type, .n = body.n};
	if (body.n)
		memcpy(f->body, body.p, body.n);
	*t->waiting_end = f;
	t->waiting_end = &f->next;
	t->waiting_bytes += body.n;
	if (!timer_armed(t->client->patience))
		timer_set(t->client->patience, GATE_WAIT_MS);
}

void gate_txn_send(struct gate_txn *t, uint16_t type, struct str body)
{
	struct ipc *c = service_link_ipc(t->client->link);
	if (!c || t->client->epoch == 0) {
		wait_with(t, type, body);
		return;
	}
	gate_say_open(t, c);
	gate_put_on_wire(t, c, type, body);
}

static void flush_waiting(struct gate_txn *t, struct ipc *c)
{
	if (t->waiting || t->connected)
		gate_say_open(t, c);
	while (t->waiting) {
		struct frame *f = t->waiting;
		t->waiting = f->next;
		gate_put_on_wire(t, c, f->type, str_at(f->body, f->n));
		free(f);
	}
	t->waiting_end = &t->waiting;
	t->waiting_bytes = 0;
}

/* ---- the edge -------------------------------------------------------------------------------- */

static void each_txn(struct gate_client *g, void (*fn)(struct gate_txn *t, struct ipc *c))
{
	size_t at = 0;
	struct str key;
	void *value;
	while (map_next(g->txns, &at, &key, &value))
		fn(value, service_link_ipc(g->link));
}

static void defer_writable(struct gate_txn *t, struct ipc *c)
{
	(void)c;
	if (!t->writable)
		return;
	loop_defer_cancel(service_loop(t->client->service), gate_answer_failed, t);
	loop_defer(service_loop(t->client->service), gate_answer_failed, t);
}

static void on_up(void *ctx)
{
	struct gate_client *g = ctx;
	g->epoch++;
	timer_clear(g->patience);
	each_txn(g, flush_waiting);
	each_txn(g, defer_writable);
}

static void fail_opened(struct gate_txn *t, struct ipc *c)
{
	(void)c;
	if (t->epoch != 0)
		txn_fail(t);
}

static void on_down(void *ctx)
{
	each_txn(ctx, fail_opened);
}

static void fail_waiting(struct gate_txn *t, struct ipc *c)
{
	(void)c;
	if (t->waiting || (t->connected && t->epoch == 0))
		txn_fail(t);
}

static void out_of_patience(void *ctx)
{
	struct gate_client *g = ctx;
	if (!service_link_ipc(g->link))
		each_txn(g, fail_waiting);
}

static void on_drain(void *ctx, struct ipc *c)
{
	(void)c;
	each_txn(ctx, defer_writable);
}

static bool take_policy(struct gate_txn *t, struct str body)
{
	struct gate_policy p;
	if (!gate_decode_policy(body, &p))
		return false;
	answer_policy(t, &p);
	return true;
}

static bool take_reply(struct gate_txn *t, struct str body)
{
	struct gate_reply r;
	if (!gate_decode_reply(body, &r))
		return false;
	while (!t->closed && t->requests && t->requests->failed)
		answer_first(t, t->requests->failed);
	if (t->closed)
		return true;
	if (!t->requests)
		return false;
	answer_first(t, &r);
	/* those that waited behind it for nothing but their turn */
	while (!t->closed && t->requests && t->requests->failed)
		answer_first(t, t->requests->failed);
	return true;
}

static void on_msg(void *ctx, struct ipc *c, struct ipc_msg *m)
{
	struct gate_client *g = ctx;
	(void)c;
	struct gate_txn *t = map_get(g->txns, gate_id_key(&m->id));
	if (!t)
		return; /* closed meanwhile */
	bool good = false;
	txn_enter(t);
	if (m->type == GATE_POLICY)
		good = take_policy(t, m->body);
	else if (m->type == GATE_REPLY)
		good = take_reply(t, m->body);
	txn_leave(t);
	if (!good) {
		log_error(NULL, "the gate has sent frame %u that cannot be understood", m->type);
		service_link_drop(g->link);
	}
}

static const struct ipc_handlers handlers = {.on_msg = on_msg, .on_drain = on_drain};

struct gate_client *gate_client_new(struct service *s)
{
	struct gate_client *g = mem_new(struct gate_client);
	g->service = s;
	g->txns = map_new();
	g->patience = timer_new(service_loop(s), out_of_patience, g);
	buf_init(&g->scratch, GATE_FRAME_MAX);
	g->link = service_link_new(s, "gate", SERVICE_ANY, &handlers, on_up, on_down, g);
	if (!g->txns || !g->patience || !g->link) {
		gate_client_free(g);
		return NULL;
	}
	return g;
}

void gate_client_free(struct gate_client *g)
{
	if (!g)
		return;
	for (;;) {
		size_t at = 0;
		struct str key;
		void *value;
		if (!g->txns || !map_next(g->txns, &at, &key, &value))
			break;
		gate_close(value);
	}
	service_link_free(g->link);
	timer_free(g->patience);
	map_free(g->txns, NULL);
	buf_free(&g->scratch);
	free(g);
}
