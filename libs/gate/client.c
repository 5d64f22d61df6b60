/*
 * The async client.
 *
 * A transaction is known to the gate process at the other end of the edge since its OPEN; `epoch`
 * counts the edges, so a transaction whose epoch is not the client's must say OPEN again.  What is
 * asked while no edge is up waits in `waiting` and leaves when there is one, or is answered with a
 * temporary failure when GATE_WAIT_MS have passed.
 */
#include "gate/gate-proto.h"

struct request {
	struct request *next;
	gate_answer cb;
	void *ctx;
	const struct gate_reply *failed; /* the answer from here, when the gate won't give one */
};

struct frame {
	struct frame *next;
	uint16_t type;
	size_t n;
	char body[];
};

struct gate_client {
	struct service *service;
	struct service_link *link;
	struct timer *patience;
	struct map *txns; /* id -> struct gate_txn */
	uint32_t last_id;
	uint64_t epoch;
	struct buf scratch;
};

struct gate_txn {
	struct gate_client *client;
	uint32_t id;
	uint64_t epoch;           /* of the edge that has our OPEN; 0: none */
	struct buf open;          /* the encoded origin */
	struct buf name;          /* the encoded name, when it came later; may be empty */
	gate_connected connected; /* waits for the policy when not NULL */
	void *connected_ctx;
	struct request *requests, **requests_end;
	struct frame *waiting, **waiting_end;
	size_t waiting_bytes;
	void (*writable)(void *ctx);
	void *writable_ctx;
	bool open_failed; /* the policy is answered from here */
	bool in_message;  /* MAIL was asked, END or RESET not yet */
	bool lost;        /* the gate that had the beginning of this message is gone */
	bool login;       /* the gate has been told who this is */
	bool login_lost;  /* and it is gone */
	bool closed;
	unsigned busy; /* callbacks running */
};

enum { WAITING_MAX = 256 * 1024, OPEN_MAX = 32 * 1024, NAME_MAX_BYTES = 1024 };

static struct str id_key(const uint32_t *id)
{
	return str_at(id, sizeof(*id));
}

static const struct gate_reply gone = {
    .code = 451,
    .enhanced = STR_INIT("4.3.0"),
    .text = STR_INIT("Mail submission is not available at the moment, try again later"),
};

static const struct gate_reply forgotten = {
    .code = 421,
    .enhanced = STR_INIT("4.3.0"),
    .text = STR_INIT("Your login has been lost, connect again"),
};

static const struct gate_reply too_long = {
    .code = 501,
    .enhanced = STR_INIT("5.5.4"),
    .text = STR_INIT("A parameter is too long"),
};

static void txn_free(struct gate_txn *t)
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
		txn_free(t);
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

static void answer_failed(void *ctx)
{
	struct gate_txn *t = ctx;
	txn_enter(t);
	if (t->open_failed) {
		struct gate_policy p = {.deny = true, .reply = gone};
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
		r->failed = r->failed ? r->failed : t->login ? &forgotten : &gone;
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
	loop_defer_cancel(service_loop(t->client->service), answer_failed, t);
	loop_defer(service_loop(t->client->service), answer_failed, t);
}

/* ---- sending --------------------------------------------------------------------------------- */

static void put_on_wire(struct gate_txn *t, struct ipc *c, uint16_t type, struct str body)
{
	ipc_compose(c, type, t->id);
	ipc_put_rest(c, body);
	if (ipc_send(c, -1) < 0) {
		log_warning(NULL, "cannot send to the gate: %m");
		txn_fail(t);
	}
}

static void say_open(struct gate_txn *t, struct ipc *c)
{
	if (t->epoch == t->client->epoch)
		return;
	t->epoch = t->client->epoch;
	put_on_wire(t, c, GATE_OPEN, buf_str(&t->open));
	if (t->name.n && t->epoch)
		put_on_wire(t, c, GATE_NAME, buf_str(&t->name));
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

static void txn_send(struct gate_txn *t, uint16_t type, struct str body)
{
	struct ipc *c = service_link_ipc(t->client->link);
	if (!c || t->client->epoch == 0) {
		wait_with(t, type, body);
		return;
	}
	say_open(t, c);
	put_on_wire(t, c, type, body);
}

static void flush_waiting(struct gate_txn *t, struct ipc *c)
{
	if (t->waiting || t->connected)
		say_open(t, c);
	while (t->waiting) {
		struct frame *f = t->waiting;
		t->waiting = f->next;
		put_on_wire(t, c, f->type, str_at(f->body, f->n));
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
	loop_defer_cancel(service_loop(t->client->service), answer_failed, t);
	loop_defer(service_loop(t->client->service), answer_failed, t);
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
	struct gate_txn *t = map_get(g->txns, id_key(&m->id));
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

/* ---- what callers say ------------------------------------------------------------------------ */

struct gate_txn *gate_open(
    struct gate_client *g, const struct gate_origin *o, gate_connected cb, void *ctx)
{
	struct gate_txn *t = mem_new(struct gate_txn);
	t->client = g;
	do
		t->id = ++g->last_id;
	while (t->id == 0 || map_get(g->txns, id_key(&t->id)));
	t->requests_end = &t->requests;
	t->waiting_end = &t->waiting;
	t->connected = cb;
	t->connected_ctx = ctx;
	buf_init(&t->open, OPEN_MAX);
	buf_init(&t->name, NAME_MAX_BYTES);
	if (!gate_encode_open(&t->open, o) || !map_set(g->txns, id_key(&t->id), t)) {
		txn_free(t);
		return NULL;
	}
	struct ipc *c = service_link_ipc(g->link);
	if (cb && c && g->epoch)
		say_open(t, c);
	else if (cb && !timer_armed(g->patience))
		timer_set(g->patience, GATE_WAIT_MS);
	return t;
}

void gate_name(struct gate_txn *t, struct str host)
{
	struct ipc *c = service_link_ipc(t->client->link);
	buf_clear(&t->name);
	if (!gate_encode_name(&t->name, str_head(host, NAME_MAX_BYTES - 8)))
		buf_clear(&t->name);
	else if (c && t->epoch && t->epoch == t->client->epoch)
		put_on_wire(t, c, GATE_NAME, buf_str(&t->name));
}

void gate_close(struct gate_txn *t)
{
	if (!t || t->closed)
		return;
	struct gate_client *g = t->client;
	struct ipc *c = service_link_ipc(g->link);
	if (c && t->epoch != 0 && t->epoch == g->epoch)
		put_on_wire(t, c, GATE_CLOSE, STR_NONE);
	loop_defer_cancel(service_loop(g->service), answer_failed, t);
	map_del(g->txns, id_key(&t->id));
	t->closed = true;
	if (t->busy == 0)
		txn_free(t);
}

/* What is asked in vain: a frame that could not be encoded, a message or a login that is lost. */
static const struct gate_reply *hopeless(const struct gate_txn *t, uint16_t type, bool encoded)
{
	if (!encoded)
		return &too_long;
	if (t->login_lost && type == GATE_MAIL)
		return &forgotten;
	return t->lost ? &gone : NULL;
}

/* Sends what is in the scratch buffer and notes who waits for its answer. */
static void ask(struct gate_txn *t, uint16_t type, bool encoded, gate_answer cb, void *ctx)
{
	struct request *r = mem_new(struct request);
	r->cb = cb;
	r->ctx = ctx;
	*t->requests_end = r;
	t->requests_end = &r->next;
	r->failed = hopeless(t, type, encoded);
	if (r->failed) {
		loop_defer_cancel(service_loop(t->client->service), answer_failed, t);
		loop_defer(service_loop(t->client->service), answer_failed, t);
	} else
		txn_send(t, type, buf_str(&t->client->scratch));
}

static struct buf *scratch(struct gate_txn *t)
{
	buf_clear(&t->client->scratch);
	return &t->client->scratch;
}

void gate_mail(struct gate_txn *t, const struct gate_mail *m, gate_answer cb, void *ctx)
{
	t->lost = false;
	t->in_message = true;
	ask(t, GATE_MAIL, gate_encode_mail(scratch(t), m), cb, ctx);
}

void gate_rcpt(struct gate_txn *t, const struct gate_rcpt *r, gate_answer cb, void *ctx)
{
	ask(t, GATE_RCPT, gate_encode_rcpt(scratch(t), r), cb, ctx);
}

void gate_auth(
    struct gate_txn *t, struct str ticket, struct str mechanism, gate_answer cb, void *ctx)
{
	t->login = ticket.n > 0;
	t->login_lost = false;
	ask(t, GATE_AUTH, gate_encode_auth(scratch(t), ticket, mechanism), cb, ctx);
}

void gate_vrfy(struct gate_txn *t, struct str address, bool expand, gate_answer cb, void *ctx)
{
	ask(t, GATE_VRFY, gate_encode_vrfy(scratch(t), address, expand), cb, ctx);
}

bool gate_data(struct gate_txn *t, struct str chunk, void (*writable)(void *ctx), void *ctx)
{
	if (t->lost)
		return true; /* END will tell */
	while (chunk.n && !t->lost) {
		txn_send(t, GATE_DATA, str_head(chunk, IPC_CHUNK));
		chunk = str_skip(chunk, IPC_CHUNK);
	}
	struct ipc *c = service_link_ipc(t->client->link);
	bool full = c ? ipc_pending(c) > IPC_QUEUE_SOFT : t->waiting_bytes > WAITING_MAX;
	t->writable = full ? writable : NULL;
	t->writable_ctx = ctx;
	return !full;
}

void gate_end(struct gate_txn *t, gate_answer cb, void *ctx)
{
	ask(t, GATE_END, scratch(t) != NULL, cb, ctx);
	t->in_message = false;
	t->lost = false;
}

void gate_reset(struct gate_txn *t)
{
	if (t->in_message && !t->lost)
		txn_send(t, GATE_RESET, STR_NONE);
	t->in_message = false;
	t->lost = false;
}
