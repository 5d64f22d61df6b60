/*
 * Handing a finished message to the scheduler: one queue entry, or several when there are more
 * recipients than batchsize.  END is answered when all of them are durable.
 */
#include "submit/access.h"
#include "submit/transaction.h"

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

static void finish(struct commit *c)
{
	struct transaction *t = c->t;
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
	transaction_reset(t); /* frees c */
	t->answer(t->ctx, &r);
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

static struct str source_of(const struct transaction *t, const struct message *m)
{
	if (t->origin.label.n)
		return t->origin.label;
	if (t->from_network)
		return m->mail.login.n ? STR("authsmtp") : STR("smtp");
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
	else
		z = arena_printf(m->arena, "dns; localhost (localhost [127.0.0.1])");
	return str_of(z);
}

/* What filters see of the client: RELAYCLIENT, TCPREMOTEIP, and the mark of a fault let pass. */
static void environment(struct transaction *t, struct message *m, struct envelope *e, bool marked)
{
	struct str *env = arena_alloc(m->arena, 3 * sizeof(*env));
	if (!env)
		return;
	e->env = env;
	if (m->relay && t->from_network)
		env[e->n_env++] = STR("RELAYCLIENT=");
	if (t->origin.remote_ip.n)
		env[e->n_env++] = str_of(
		    arena_printf(m->arena, "TCPREMOTEIP=%.*s", STR_FMT(t->origin.remote_ip)));
	if (marked)
		env[e->n_env++] = STR("MESSAGE_FAULTS=1");
}

static void fill_envelope(struct transaction *t, bool marked, struct envelope *e)
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
	e->ret = m->mail.ret;
	e->verp = m->mail.verp;
	/* Programs can't say whether they want it: what needs it will be found out later. */
	e->smtputf8 = m->mail.smtputf8 && !t->from_program;
	e->track = m->track;
	e->body8 = m->spool.body8;
	e->headers8 = m->spool.headers8;
	e->vhost = t->origin.vhost;
	e->delay = m->mail.hold ? (int64_t)m->mail.hold - 1 : -1;
	e->uid = t->uid;
	e->size = m->spool.written;
	e->generation = t->gate->generation;
	e->idempotency = m->mail.idempotency;
	environment(t, m, e, marked);
}

/* One part; false: the queue is gone. */
static bool start_part(struct commit *c, struct envelope *e, size_t i, uint32_t batch)
{
	struct message *m = c->t->message;
	struct gate_process *g = c->t->gate;
	size_t from = i * batch;
	bool last = i + 1 == c->n, inlined = m->spool.fd < 0;
	if (i > 0 && !queue_client_id(g->queue, &e->id))
		return false;
	if (i > 0 && e->idempotency.n)
		e->idempotency =
		    str_of(arena_printf(m->arena, "%.*s/%zu", STR_FMT(m->mail.idempotency), i));
	e->rcpts = m->rcpts.v + from;
	e->n_rcpts = last ? m->rcpts.n - from : batch;
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

void commit_start(struct transaction *t, bool marked)
{
	struct message *m = t->message;
	uint32_t batch = t->policy->batch;
	struct commit *c = mem_new(struct commit);
	struct envelope e;
	c->t = t;
	c->n = (m->rcpts.n + batch - 1) / batch;
	c->parts = mem_zero(c->n * sizeof(*c->parts));
	c->starting = true;
	buf_init(&c->id, 256);
	t->commit = c;
	fill_envelope(t, marked, &e);
	/* The answer "no" may come from inside: the queue dies under the first frame. */
	for (size_t i = 0; i < c->n && !c->failed; i++)
		if (!start_part(c, &e, i, batch))
			c->failed = true; /* never back to false: a part may have failed already */
	c->starting = false;
	if (c->waiting == 0)
		finish(c);
}
