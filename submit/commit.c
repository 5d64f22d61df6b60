/*
 * Handing a finished message to the scheduler: one queue entry, or several when there are more
 * recipients than batchsize.  END is answered when all of them are durable.
 */
#include "access/access.h"
#include "submit/bang.h"
#include "submit/client-lists.h"
#include "submit/filter-results.h"
#include "submit/filter-run.h"
#include "submit/transaction.h"

enum { PARTS_MAX = 64 }; /* of one message */

struct part {
	struct commit *commit;
	uint32_t handle; /* 0: answered */
};

struct commit {
	struct transaction *t;
	struct part *parts;
	size_t n, waiting;
	bool failed, starting;
	struct buf id; /* that END tells */
};

void commit_cancel(struct commit *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++)
		if (c->parts[i].handle)
			queue_commit_cancel(c->t->gate->queue, c->parts[i].handle);
	buf_free(&c->id);
	free(c->parts);
	free(c);
}

/* Each gets its share of what a reply may have. */
static size_t room_of(const struct message *m)
{
	size_t room = (GATE_TEXT_MAX - 4096) / (m->accepted.n ? m->accepted.n : 1);
	return room > 1000 ? 1000 : room;
}

void results_answer(struct transaction *t, const struct gate_reply *good)
{
	struct message *m = t->message;
	struct gate_reply r = {.code = 558, .id = good->id};
	struct buf text;
	buf_init(&text, GATE_TEXT_MAX);
	for (size_t i = 0; i < m->accepted.n; i++)
		filter_result_add(
		    &text, m->accepted.v[i].refused ? &m->accepted.v[i].result : good, room_of(m));
	r.text = str_trim(buf_str(&text));
	transaction_reset(t);
	t->answer(t->ctx, &r);
	buf_free(&text);
}

static void finish(struct commit *c)
{
	struct transaction *t = c->t;
	bool split = t->message->split && !c->failed;
	struct gate_reply r = reply(c->failed ? REPLY_QUEUE_DOWN : REPLY_OK);
	struct buf text, id;
	buf_init(&text, 256);
	buf_init(&id, 256);
	buf_adds(&id, buf_str(&c->id));
	if (!c->failed) {
		ptrdiff_t dot = str_chr(buf_str(&id), '.');
		struct str tail = str_skip(buf_str(&id), (size_t)(dot + 1));
		buf_addf(&text, "Ok. %.*s", STR_FMT(tail));
		r.text = buf_str(&text);
		r.id = buf_str(&id);
		t->gate->accepted++;
		t->message->spool.file[0] = 0; /* the queue has it */
	}
	if (split)
		results_answer(t, &r);
	else {
		transaction_reset(t); /* frees c */
		t->answer(t->ctx, &r);
	}
	buf_free(&text);
	buf_free(&id);
}

static void on_durable(void *ctx, bool durable, struct str id, struct str text)
{
	struct part *p = ctx;
	struct commit *c = p->commit;
	p->handle = 0;
	c->waiting--;
	if (!durable) {
		c->failed = true;
		log_error(NULL, "the queue has not taken a message: %.*s", STR_FMT(text));
	} else if (p == c->parts)
		buf_adds(&c->id, id);
	if (c->waiting == 0 && !c->starting)
		finish(c);
}

/* A client that may relay is trusted like one that has logged in: reports about its mail are sent
 * (ESMTP_BLOCKBACKSCATTER). */
static struct str source_of(const struct transaction *t, const struct message *m)
{
	if (t->origin.label.n)
		return t->origin.label;
	if (t->from_network)
		return m->relay ? STR("authsmtp") : STR("smtp");
	return str_of(t->origin.source);
}

static struct str from_mta(struct transaction *t, struct message *m)
{
	const struct gate_origin *o = &t->origin;
	char *z;
	if (o->from_mta.n)
		return o->from_mta;
	if (o->remote_ip.n)
		z = arena_printf(m->arena, "dns; %.*s (%.*s%s[%.*s])", STR_FMT(m->mail.helo),
		    STR_FMT(o->remote_host), o->remote_host.n ? " " : "", STR_FMT(o->remote_ip));
	else if (bang_source(t))
		z = arena_printf(m->arena, "uucp; %.*s", STR_FMT(m->mail.helo));
	else
		z = arena_printf(m->arena, "dns; localhost (localhost [127.0.0.1])");
	return str_of(z);
}

/* Of an authenticated client AUTHRELAYCLIENT says what RELAYCLIENT holds. */
static struct str relay_word(struct transaction *t, const struct message *m)
{
	struct str value = STR_NONE;
	access_env(buf_str(&t->env), m->mail.login.n ? "AUTHRELAYCLIENT" : "RELAYCLIENT", &value);
	char *z = arena_printf(m->arena, "RELAYCLIENT=%.*s", STR_FMT(value));
	return z ? str_of(z) : STR("RELAYCLIENT=");
}

enum { ENV_LISTS_MAX = 4 * DNS_LISTS_MAX };

/* What lists of the DNS have set: BLOCK2 and kin are for filters alone. */
static void add_lists(struct transaction *t, struct message *m, struct envelope *e, struct str *env)
{
	struct buf b;
	struct str rest, line;
	if (!t->lists)
		return;
	buf_init(&b, 64 * 1024);
	client_lists_env(t->lists, &b);
	rest = str_of(arena_strz(m->arena, buf_str(&b)));
	for (size_t n = 0; n < ENV_LISTS_MAX && str_split(&rest, '\n', &line); n++)
		if (line.n)
			env[e->n_env++] = line;
	buf_free(&b);
}

/* What filters see of the client: RELAYCLIENT, TCPREMOTEIP, lists, and the mark of a fault let
 * pass. */
static void environment(struct transaction *t, struct message *m, struct envelope *e, bool marked)
{
	struct str *env = arena_alloc(m->arena, (3 + ENV_LISTS_MAX) * sizeof(*env));
	if (!env)
		return;
	e->env = env;
	if (m->relay && t->from_network)
		env[e->n_env++] = relay_word(t, m);
	add_lists(t, m, e, env);
	if (t->origin.remote_ip.n)
		env[e->n_env++] = str_of(
		    arena_printf(m->arena, "TCPREMOTEIP=%.*s", STR_FMT(t->origin.remote_ip)));
	if (marked)
		env[e->n_env++] = STR("MESSAGE_FAULTS=1");
}

static void fill_envelope(
    struct transaction *t, const struct message_facts *f, bool marked, struct envelope *e)
{
	struct message *m = t->message;
	envelope_init(e);
	e->id = m->id;
	e->sender = m->sender;
	e->envid = m->mail.envid;
	e->from_mta = from_mta(t, m);
	e->login = m->mail.login;
	e->source = source_of(t, m);
	e->security = m->mail.security;
	e->vhost = t->policy->vhost;
	e->ret = m->mail.ret;
	e->verp = m->mail.verp;
	/* Programs can't say whether they want it: what needs it will be found out later. */
	e->smtputf8 = m->mail.smtputf8 && !t->from_program;
	e->track = m->track;
	e->body8 = f->faults & MIME_FAULT_BODY_8BIT;
	e->headers8 = f->faults & MIME_FAULT_HEADER_8BIT;
	if (e->vhost.n == 0)
		e->vhost = t->origin.vhost;
	e->tls = m->mail.requiretls ? 'R' : m->tls_optional ? 'N' : 0;
	e->by = m->mail.by;
	e->by_mode = m->mail.by_mode;
	e->by_trace = m->mail.by_trace;
	e->release = m->mail.release;
	e->delay = m->mail.hold ? (int64_t)m->mail.hold - 1 : -1;
	e->uid = t->uid;
	e->size = m->spool.written;
	e->generation = t->gate->generation;
	e->idempotency = m->mail.idempotency;
	environment(t, m, e, marked);
}

/* A list so long that it would be cut into hundreds of entries has larger ones. */
static uint32_t batch_of(const struct transaction *t)
{
	uint32_t batchsize = t->policy->batch;
	size_t least = (t->message->rcpts.n + PARTS_MAX - 1) / PARTS_MAX;
	return least > batchsize ? (uint32_t)least : batchsize;
}

size_t commit_parts(const struct transaction *t)
{
	uint32_t batch = batch_of(t);
	return (t->message->rcpts.n + batch - 1) / batch;
}

static void part_rcpts(const struct transaction *t, size_t i, struct envelope *e)
{
	const struct message *m = t->message;
	size_t batch = batch_of(t), from = i * batch;
	e->rcpts = m->rcpts.v + from;
	e->n_rcpts = m->rcpts.n - from < batch ? m->rcpts.n - from : batch;
}

/* The first has the message's; those that filters have been shown are kept. */
static bool part_id(struct transaction *t, size_t i, struct queue_id *id)
{
	struct message *m = t->message;
	if (i < m->part_ids.n) {
		*id = m->part_ids.v[i];
		return true;
	}
	*id = m->id;
	if (i > 0 && !queue_client_id(t->gate->queue, id))
		return false;
	if (i == m->part_ids.n)
		vec_push(&m->part_ids, *id);
	return true;
}

/* Where recipients lead to is not the filters' business. */
bool commit_control(
    struct transaction *t, const struct message_facts *f, bool marked, size_t part, struct buf *out)
{
	struct envelope e;
	fill_envelope(t, f, marked, &e);
	part_rcpts(t, part, &e);
	e.generation = 0;
	if (!part_id(t, part, &e.id))
		return false;
	struct envelope_rcpt *copy = mem_zero(e.n_rcpts * sizeof *copy);
	for (size_t i = 0; i < e.n_rcpts; i++)
		copy[i] = (struct envelope_rcpt){.address = e.rcpts[i].address,
		    .orcpt = e.rcpts[i].orcpt,
		    .notify = e.rcpts[i].notify};
	e.rcpts = copy;
	bool good = envelope_encode(&e, out);
	free(copy);
	return good;
}

/* One part; false: the queue is gone. */
static bool start_part(struct commit *c, struct envelope *e, size_t i)
{
	struct message *m = c->t->message;
	struct gate_process *g = c->t->gate;
	bool last = i + 1 == c->n, inlined = m->spool.fd < 0;
	if (!part_id(c->t, i, &e->id))
		return false;
	if (i > 0 && e->idempotency.n)
		e->idempotency =
		    str_of(arena_printf(m->arena, "%.*s/%zu", STR_FMT(m->mail.idempotency), i));
	part_rcpts(c->t, i, e);
	e->added = m->added ? m->added[i] : STR_NONE;
	c->parts[i].commit = c;
	c->waiting++;
	uint32_t handle = queue_commit(g->queue, e, inlined ? buf_str(&m->spool.done) : STR_NONE,
	    inlined ? NULL : m->spool.file, !last, on_durable, &c->parts[i]);
	if (handle == 0)
		c->waiting--;
	else if (!c->failed)
		c->parts[i].handle = handle;
	return handle != 0;
}

void commit_start(struct transaction *t, const struct message_facts *f, bool marked)
{
	struct commit *c = mem_new(struct commit);
	struct envelope e;
	c->t = t;
	c->n = commit_parts(t);
	c->parts = mem_zero(c->n * sizeof(*c->parts));
	c->starting = true;
	buf_init(&c->id, 256);
	t->commit = c;
	fill_envelope(t, f, marked, &e);
	/* The answer "no" may come from inside: the queue dies under the first frame. */
	for (size_t i = 0; i < c->n && !c->failed; i++)
		if (!start_part(c, &e, i))
			c->failed = true; /* never back to false: a part may have failed already */
	c->starting = false;
	if (c->waiting == 0)
		finish(c);
}
