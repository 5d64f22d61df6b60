/* The edges to gates: messages come in, routes are asked for. */
#include "config.h"

#include "courierd/sched-main.h"

#include "queue/queue-proto.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { GATES_MAX = 64, TMP_PER_GATE = 1000, PARTS_MAX = 256 };

struct tmp {
	struct tmp *next;
	char name[QUEUE_TMP_NAME_SIZE];
};

struct part {
	struct part *next;
	uint32_t txn;
	struct buf text;
};

struct gate {
	struct gates *all;
	struct ipc *edge;
	unsigned number;
	uint64_t serial, generation;
	struct tmp *tmp;
	size_t n_tmp, n_parts;
	struct part *parts;
};

struct gates {
	struct scheduler *x;
	struct gate *v[GATES_MAX];
	size_t n, turn;
	uint64_t serial;
};

struct commit {
	struct gates *g;
	uint64_t gate, seq;
	uint32_t txn;
	uint64_t also; /* message whose K record names this one */
};

static void gate_gone(void *ctx, struct ipc *c);

static struct sched *core(struct gate *t)
{
	return &t->all->x->core;
}

static void check_sent(struct gate *t, int r)
{
	if (r)
		log_error(NULL, "cannot send to gate %u: %m", t->number);
}

static void answer_commit(
    struct gate *t, uint32_t txn, bool durable, struct str id, const char *text)
{
	ipc_compose(t->edge, QUEUE_COMMITTED, txn);
	ipc_put_u8(t->edge, durable);
	ipc_put_str(t->edge, id);
	ipc_put_rest(t->edge, str_of(text));
	check_sent(t, ipc_send(t->edge, -1));
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

static void drop_tmp(struct gate *t, const char *name, bool unlink)
{
	for (struct tmp **p = &t->tmp; *p; p = &(*p)->next)
		if (strcmp((*p)->name, name) == 0) {
			struct tmp *f = *p;
			*p = f->next;
			t->n_tmp--;
			if (unlink)
				queue_tmpfile_remove(t->all->x->queue, f->name);
			free(f);
			return;
		}
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
	struct sched *s = core(t);
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
			drop_tmp(t, w->file, false);
	}
	buf_free(&record);
	return why;
}

static void take(struct gate *t, uint32_t txn, struct wish *w)
{
	const char *why;
	struct message *m = message_new(core(t), buf_str(&w->text), &why);
	if (m) {
		complete(t->all->x, m, &w->text);
		why = !m->env.n_rcpts  ? "no recipients"
		      : w->text.failed ? "out of memory"
				       : store(t, txn, w, m);
	}
	if (!why)
		return;
	if (m)
		message_free(core(t), m);
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

static void on_part(struct gate *t, uint32_t txn, struct str piece)
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

static bool on_commit(struct gate *t, uint32_t txn, struct ipc_reader *r)
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

static void on_tmp_ask(struct gate *t, uint32_t handle)
{
	struct tmp *f = t->n_tmp < TMP_PER_GATE ? calloc(1, sizeof *f) : NULL;
	int fd = f ? queue_tmpfile_make(t->all->x->queue, f->name, sizeof f->name) : -1;
	if (fd < 0)
		log_error(NULL, "cannot make a temporary file for gate %u: %m", t->number);
	ipc_compose(t->edge, QUEUE_TMP, handle);
	ipc_put_z(t->edge, fd < 0 ? "" : f->name);
	check_sent(t, ipc_send(t->edge, fd));
	if (fd < 0) {
		free(f);
		return;
	}
	close(fd);
	f->next = t->tmp;
	t->tmp = f;
	t->n_tmp++;
}

static void on_ids(struct gate *t, uint32_t n)
{
	uint64_t first = 0;
	if (n > 65536)
		n = 65536;
	if (queue_reserve(t->all->x->queue, n, &first)) {
		log_error(NULL, "cannot write the queue's file 'sequence': %m");
		n = 0;
	}
	ipc_compose(t->edge, QUEUE_IDS, 0);
	ipc_put_u64(t->edge, first);
	ipc_put_u32(t->edge, n);
	check_sent(t, ipc_send(t->edge, -1));
}

static bool on_route(struct gate *t, uint32_t question, struct ipc_reader *r)
{
	struct queue_route a = {.code = (uint16_t)ipc_get_u32(r)};
	a.enhanced = ipc_get_str(r);
	a.text = ipc_get_str(r);
	a.module = ipc_get_str(r);
	a.host = ipc_get_str(r);
	a.to = ipc_get_str(r);
	if (ipc_done(r))
		sched_routed(core(t), question, &a);
	return ipc_done(r);
}

static void on_generation(struct gate *t, uint64_t generation)
{
	t->generation = generation;
	recipients_ask_again(core(t));
}

static bool dispatch(struct gate *t, struct ipc_msg *m, struct ipc_reader *r)
{
	char name[QUEUE_TMP_NAME_SIZE];
	struct str text;
	switch (m->type) {
	case QUEUE_IDS_ASK:
		on_ids(t, ipc_get_u32(r));
		return ipc_done(r);
	case QUEUE_TMP_ASK:
		on_tmp_ask(t, m->id);
		return ipc_done(r);
	case QUEUE_TMP_DROP:
		text = ipc_get_rest(r); /* the macro names its argument twice */
		snprintf(name, sizeof name, "%.*s", STR_FMT(text));
		drop_tmp(t, name, true);
		return true;
	case QUEUE_COMMIT_PART:
		on_part(t, m->id, ipc_get_rest(r));
		return true;
	case QUEUE_COMMIT:
		return on_commit(t, m->id, r);
	case QUEUE_GENERATION:
		on_generation(t, ipc_get_u64(r));
		return ipc_done(r);
	case QUEUE_ROUTE:
		return on_route(t, m->id, r);
	default:
		return true;
	}
}

static void on_msg(void *ctx, struct ipc *c, struct ipc_msg *m)
{
	struct gate *t = ctx;
	struct ipc_reader r;
	ipc_read(m, &r);
	if (dispatch(t, m, &r))
		return;
	log_error(NULL, "gate %u sent a malformed frame; its edge is dropped", t->number);
	gate_gone(t, c);
}

static void gate_gone(void *ctx, struct ipc *c)
{
	struct gate *t = ctx;
	struct gates *g = t->all;
	for (size_t i = 0; i < g->n; i++)
		if (g->v[i] == t)
			g->v[i] = g->v[--g->n];
	while (t->tmp)
		drop_tmp(t, t->tmp->name, true);
	while (t->parts) {
		struct part *p = t->parts;
		t->parts = p->next;
		buf_free(&p->text);
		free(p);
	}
	ipc_free(c);
	free(t);
	recipients_asked_gone(&g->x->core);
	recipients_ask_again(&g->x->core);
}

static void send_track(struct gate *t, struct str address, char letter)
{
	ipc_compose(t->edge, QUEUE_TRACK, (uint32_t)(unsigned char)letter);
	ipc_put_rest(t->edge, address);
	check_sent(t, ipc_send(t->edge, -1));
}

static void send_whole_track(struct gate *t)
{
	const struct track *track = t->all->x->track;
	struct str address;
	char letter;
	check_sent(t, ipc_reply(t->edge, QUEUE_TRACK_NONE, 0));
	for (size_t at = 0; track && track_next(track, &at, &address, &letter);)
		send_track(t, address, letter);
}

void gates_track(struct gates *g, struct str address, char letter)
{
	for (size_t i = 0; i < g->n; i++)
		send_track(g->v[i], address, letter);
}

void gates_edge(struct gates *g, unsigned number, int fd)
{
	static const struct ipc_handlers handlers = {.on_msg = on_msg, .on_close = gate_gone};
	struct gate *t = g->n < GATES_MAX ? calloc(1, sizeof *t) : NULL;
	if (!t || !(t->edge = ipc_new(service_loop(g->x->service), fd, &handlers, t))) {
		log_error(NULL, "cannot take another gate");
		if (!t)
			close(fd);
		free(t);
		return;
	}
	t->all = g;
	t->number = number;
	t->serial = ++g->serial;
	g->v[g->n++] = t;
	send_whole_track(t);
	recipients_ask_again(&g->x->core);
}

int gates_route(struct gates *g, uint32_t question, const struct queue_route_ask *a)
{
	if (!g->n)
		return -1;
	struct gate *t = g->v[g->turn++ % g->n];
	ipc_compose(t->edge, QUEUE_ROUTE_ASK, question);
	ipc_put_str(t->edge, a->address);
	ipc_put_str(t->edge, a->sender);
	ipc_put_str(t->edge, a->source);
	ipc_put_str(t->edge, a->login);
	ipc_put_str(t->edge, a->vhost);
	ipc_put_str(t->edge, a->security);
	return ipc_send(t->edge, -1);
}

bool gates_generation(const struct gates *g, uint64_t generation)
{
	for (size_t i = 0; generation && i < g->n; i++)
		if (g->v[i]->generation == generation)
			return true;
	return false;
}

struct gates *gates_new(struct scheduler *x)
{
	struct gates *g = calloc(1, sizeof *g);
	if (g)
		g->x = x;
	return g;
}
