/* What a gate hands over becomes a message of the queue, once for each key. */
#include "config.h"

#include "courierd/sched-gate.h"

#include <stdio.h>
#include <stdlib.h>

enum { PARTS_MAX = 256 };

struct commit {
	struct gates *g;
	uint64_t gate, seq;
	uint32_t txn;
	uint64_t also; /* message whose K record names this one */
};

static void answer_commit(
    struct gate *t, uint32_t txn, bool durable, struct str id, const char *text)
{
	ipc_compose(t->edge, QUEUE_COMMITTED, txn);
	ipc_put_u8(t->edge, durable);
	ipc_put_str(t->edge, id);
	ipc_put_rest(t->edge, str_of(text));
	gate_check_sent(t, ipc_send(t->edge, -1));
}

static struct gate *by_serial(struct gates *g, uint64_t serial)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->v[i]->serial == serial)
			return g->v[i];
	return NULL;
}

static void log_new(const struct message *m)
{
	const struct envelope *e = &m->env;
	log_info(NULL, "newmsg,id=%s%s%.*s: %.*s", m->id, e->login.n ? ", auth=" : "",
	    STR_FMT(e->login), STR_FMT(e->from_mta));
}

static void forget_key(struct sched *s, uint64_t seq, struct str id)
{
	struct message *o = message_find(s, seq);
	for (size_t i = 0; o && i < o->env.n_keys; i++)
		if (str_eq(o->env.keys[i].id, id))
			o->env.keys[i].token = STR_NONE;
}

static struct sched_limits limits_of(const struct scheduler *x, const struct envelope *e)
{
	struct sched_limits l = x->core.limits;
	if (!e->vhost.n)
		return l;
	char *vhost = mem_strndup(e->vhost.p, e->vhost.n);
	sched_settings_vhost(service_config(x->service), vhost, &l);
	free(vhost);
	return l;
}

/* Memory is bounded: what is too much goes down to the disk at once and is loaded in its turn. */
static void begin(struct scheduler *x, struct message *m)
{
	struct sched *s = &x->core;
	int64_t delay = m->env.delay >= 0 ? m->env.delay : limits_of(x, &m->env).submitdelay;
	if (m->env.release > sched_now(s) + delay)
		delay = m->env.release - sched_now(s);
	s->n_new++;
	log_new(m);
	if (delay > 0 || s->n_loaded > s->limits.queuehi) {
		m->fresh = false;
		message_put_down(s, m, sched_now(s) + delay);
	} else
		message_start(s, m);
}

static void committed(void *ctx, int error)
{
	struct commit *c = ctx;
	struct sched *s = &c->g->x->core;
	struct gate *t = by_serial(c->g, c->gate);
	struct message *m = message_find(s, c->seq);
	if (error)
		log_error(NULL, "message %llu could not be made durable: %s",
		    (unsigned long long)c->seq, strerror(error));
	if (t)
		answer_commit(t, c->txn, !error, m ? str_of(m->id) : STR_NONE,
		    error ? "the queue cannot be written at present" : "");
	if (m && error) {
		if (c->also)
			forget_key(s, c->also, str_of(m->id));
		message_free(s, m);
	} else if (m)
		begin(c->g->x, m);
	free(c);
}

/* The scheduler's own settings, or the virtual host's, complete the envelope. */
static void complete(struct scheduler *x, struct message *m, struct buf *text)
{
	struct envelope *e = &m->env;
	int64_t now = sched_now(&x->core);
	struct sched_limits l = limits_of(x, e);
	if (!e->arrival)
		buf_addf(text, "a%lld\n", (long long)(e->arrival = now));
	if (!e->expiry)
		buf_addf(text, "E%lld\n", (long long)(e->expiry = retry_expiry(&l, e, e->arrival)));
	if (!e->warn) {
		e->warn = retry_warning(&l, e, e->arrival);
		buf_addf(text, "W%lld\n", (long long)e->warn);
	}
}

/* The first one with this key is on its way to the disk, and may fail yet. */
static bool not_durable(struct sched *s, struct str id)
{
	struct queue_id q;
	struct message *m = queue_id_parse(id, &q) ? message_find(s, q.seq) : NULL;
	return m && m->fresh;
}

/*
 * "ID/TOKEN": the report `token` about message ID.  1: it was submitted before, *id is its name;
 * 0: not yet, and *seq and record are what to write with it; -1: no such message, or not now.
 */
static int known_key(struct sched *s, struct message *m, struct str key, struct str *id,
    uint64_t *seq, struct buf *record)
{
	ptrdiff_t slash = str_chr(key, '/');
	struct queue_id of;
	struct message *o = slash > 0 && queue_id_parse(str_head(key, (size_t)slash), &of)
				? message_find(s, of.seq)
				: NULL;
	if (!o || o->fresh || o->gone)
		return -1;
	struct str token = str_skip(key, (size_t)slash + 1);
	for (size_t i = 0; i < o->env.n_keys; i++)
		if (str_eq(o->env.keys[i].token, token)) {
			*id = o->env.keys[i].id;
			return not_durable(s, *id) ? -1 : 1;
		}
	struct envelope_key *k = arena_alloc(o->arena, (o->env.n_keys + 1) * sizeof *k);
	struct envelope_key add = {
	    .token = arena_str(o->arena, token), .id = arena_str(o->arena, str_of(m->id))};
	if (!k || !add.token.p || !add.id.p)
		return -1;
	if (o->env.n_keys)
		memcpy(k, o->env.keys, o->env.n_keys * sizeof *k);
	k[o->env.n_keys++] = add;
	o->env.keys = k;
	*seq = of.seq;
	return envelope_add_key(record, token, str_of(m->id)) ? 0 : -1;
}

static bool has_tmp(const struct gate *t, const char *name)
{
	for (const struct tmp *f = t->tmp; f; f = f->next)
		if (strcmp(f->name, name) == 0)
			return true;
	return false;
}

struct wish {
	struct str key, body;
	char file[QUEUE_TMP_NAME_SIZE];
	bool keep;
	struct buf text;
};

static const char *store(struct gate *t, uint32_t txn, struct wish *w, struct message *m)
{
	struct sched *s = gate_core(t);
	struct buf record;
	struct str id;
	const char *why = NULL;
	uint64_t also = 0;
	buf_init(&record, 4096);
	int known = w->key.n ? known_key(s, m, w->key, &id, &also, &record) : 0;
	struct commit *c = known ? NULL : malloc(sizeof *c);
	if (known > 0) {
		answer_commit(t, txn, true, id, "");
		message_free(s, m);
	} else if (known < 0)
		why = "the message it is about is gone";
	else if (!c)
		why = "out of memory";
	else {
		*c = (struct commit){
		    .g = t->all, .gate = t->serial, .seq = m->seq, .txn = txn, .also = also};
		struct queue_commit q = {.seq = m->seq,
		    .control = buf_str(&w->text),
		    .body = w->body,
		    .file = w->file[0] ? w->file : NULL,
		    .keep_file = w->keep,
		    .also_seq = also,
		    .also = buf_str(&record)};
		m->fresh = true;
		if (queue_store(t->all->x->queue, &q, committed, c)) {
			why = "the queue cannot take the message";
			if (also)
				forget_key(s, also, str_of(m->id));
			free(c);
		} else if (w->file[0] && !w->keep)
			gate_drop_tmp(t, w->file, false);
	}
	buf_free(&record);
	return why;
}

static void take(struct gate *t, uint32_t txn, struct wish *w)
{
	const char *why;
	struct message *m = message_new(gate_core(t), buf_str(&w->text), &why);
	if (m) {
		complete(t->all->x, m, &w->text);
		why = !m->env.n_rcpts  ? "no recipients"
		      : w->text.failed ? "out of memory"
				       : store(t, txn, w, m);
	}
	if (!why)
		return;
	if (m)
		message_free(gate_core(t), m);
	log_error(NULL, "a message of gate %u was refused: %s", t->number, why);
	answer_commit(t, txn, false, STR_NONE, why);
}

static struct part **find_part(struct gate *t, uint32_t txn)
{
	struct part **p = &t->parts;
	while (*p && (*p)->txn != txn)
		p = &(*p)->next;
	return p;
}

void gate_part(struct gate *t, uint32_t txn, struct str piece)
{
	struct part *p = *find_part(t, txn);
	if (!p) {
		p = t->n_parts < PARTS_MAX ? calloc(1, sizeof *p) : NULL;
		if (!p)
			return; /* the commit that follows is no control text and is refused */
		p->txn = txn;
		buf_init(&p->text, ENVELOPE_TEXT_MAX);
		p->next = t->parts;
		t->parts = p;
		t->n_parts++;
	}
	buf_adds(&p->text, piece);
}

bool gate_commit(struct gate *t, uint32_t txn, struct ipc_reader *r)
{
	struct wish w = {.key = ipc_get_str(r)};
	struct str file = ipc_get_str(r);
	w.keep = ipc_get_u8(r);
	struct str last = ipc_get_str(r);
	w.body = ipc_get_rest(r);
	if (!ipc_done(r) || file.n >= sizeof w.file)
		return false;
	snprintf(w.file, sizeof w.file, "%.*s", STR_FMT(file));
	struct part **at = find_part(t, txn), *p = *at;
	buf_init(&w.text, ENVELOPE_TEXT_MAX);
	if (p) {
		buf_adds(&w.text, buf_str(&p->text));
		w.text.failed |= p->text.failed; /* some of its recipients are missing */
		*at = p->next;
		t->n_parts--;
		buf_free(&p->text);
		free(p);
	}
	buf_adds(&w.text, last);
	if (w.file[0] && !has_tmp(t, w.file))
		answer_commit(t, txn, false, STR_NONE, "no such temporary file");
	else
		take(t, txn, &w);
	buf_free(&w.text);
	return true;
}

void gate_parts_drop(struct gate *t)
{
	while (t->parts) {
		struct part *p = t->parts;
		t->parts = p->next;
		buf_free(&p->text);
		free(p);
	}
}
