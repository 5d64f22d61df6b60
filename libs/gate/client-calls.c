/* The async client: what its callers say in a transaction.  How it is sent: client.c. */
#include "gate/client-private.h"

enum { WAITING_MAX = 256 * 1024, OPEN_MAX = 32 * 1024, NAME_MAX_BYTES = 1024 };

static const struct gate_reply too_long = {
    .code = 501,
    .enhanced = STR_INIT("5.5.4"),
    .text = STR_INIT("A parameter is too long"),
};

struct gate_txn *gate_open(
    struct gate_client *g, const struct gate_origin *o, gate_connected cb, void *ctx)
{
	struct gate_txn *t = mem_new(struct gate_txn);
	t->client = g;
	do
		t->id = ++g->last_id;
	while (t->id == 0 || map_get(g->txns, gate_id_key(&t->id)));
	t->requests_end = &t->requests;
	t->waiting_end = &t->waiting;
	t->connected = cb;
	t->connected_ctx = ctx;
	buf_init(&t->open, OPEN_MAX);
	buf_init(&t->name, NAME_MAX_BYTES);
	if (!gate_encode_open(&t->open, o) || !map_set(g->txns, gate_id_key(&t->id), t)) {
		gate_txn_free(t);
		return NULL;
	}
	struct ipc *c = service_link_ipc(g->link);
	if (cb && c && g->epoch)
		gate_say_open(t, c);
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
		gate_put_on_wire(t, c, GATE_NAME, buf_str(&t->name));
}

void gate_close(struct gate_txn *t)
{
	if (!t || t->closed)
		return;
	struct gate_client *g = t->client;
	struct ipc *c = service_link_ipc(g->link);
	if (c && t->epoch != 0 && t->epoch == g->epoch)
		gate_put_on_wire(t, c, GATE_CLOSE, STR_NONE);
	loop_defer_cancel(service_loop(g->service), gate_answer_failed, t);
	map_del(g->txns, gate_id_key(&t->id));
	t->closed = true;
	if (t->busy == 0)
		gate_txn_free(t);
}

/* What is asked in vain: a frame that could not be encoded, a message or a login that is lost. */
static const struct gate_reply *hopeless(const struct gate_txn *t, uint16_t type, bool encoded)
{
	if (!encoded)
		return &too_long;
	if (t->login_lost && type == GATE_MAIL)
		return &gate_forgotten;
	return t->lost ? &gate_gone : NULL;
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
		loop_defer_cancel(service_loop(t->client->service), gate_answer_failed, t);
		loop_defer(service_loop(t->client->service), gate_answer_failed, t);
	} else
		gate_txn_send(t, type, buf_str(&t->client->scratch));
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
		gate_txn_send(t, GATE_DATA, str_head(chunk, IPC_CHUNK));
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
		gate_txn_send(t, GATE_RESET, STR_NONE);
	t->in_message = false;
	t->lost = false;
}
