#include "config.h"

#include "courierd/sched-show.h"

#include <stdlib.h>

static void field(struct buf *out, struct str s)
{
	if (out->n && out->p[out->n - 1] != '\n')
		buf_addc(out, '\t');
	field_encode(s, out);
}

static void number(struct buf *out, int64_t n)
{
	if (out->n && out->p[out->n - 1] != '\n')
		buf_addc(out, '\t');
	buf_addf(out, "%lld", (long long)n);
}

static void name_value(struct buf *out, const char *name, struct str value)
{
	field(out, str_of(name));
	field(out, value);
	buf_addc(out, '\n');
}

static void name_number(struct buf *out, const char *name, int64_t n)
{
	field(out, str_of(name));
	number(out, n);
	buf_addc(out, '\n');
}

static const char *state_word(enum rcpt_state s)
{
	static const char *const words[] = {"pending", "deferred", "done", "done", "fail"};
	return words[s];
}

void look_free(struct look *l)
{
	arena_free(l->arena);
	buf_free(&l->text);
}

bool look_at(struct sched *s, uint64_t seq, struct look *l)
{
	const char *why;
	struct message *m = message_find(s, seq);
	*l = (struct look){.loaded = m != NULL};
	buf_init(&l->text, ENVELOPE_TEXT_MAX);
	if (m) {
		l->e = &m->env;
		return !m->fresh;
	}
	l->e = &l->env;
	l->arena = arena_new(2 * ENVELOPE_TEXT_MAX);
	return l->arena && queue_peek(s->q, seq, &l->text) == 0 &&
	       envelope_decode(buf_str(&l->text), l->arena, &l->env, &why) == 0;
}

static void id_text(const struct envelope *e, char out[QUEUE_ID_SIZE])
{
	queue_id_format(&e->id, out);
}

/* What waits for its release is held, whatever it is flushed with. */
static const char *shown_state(struct sched *s, const struct envelope *e, enum rcpt_state state)
{
	return !rcpt_final(state) && e->release > sched_now(s) ? "held" : state_word(state);
}

void show_line(struct sched *s, const struct look *l, struct buf *out)
{
	char id[QUEUE_ID_SIZE];
	const struct envelope *e = l->e;
	id_text(e, id);
	field(out, str_of(id));
	number(out, (int64_t)e->size);
	number(out, e->arrival);
	number(out, e->uid);
	field(out, e->sender);
	number(out, l->loaded ? 0 : e->next);
	for (size_t i = 0; i < e->n_rcpts; i++) {
		field(out, str_of(shown_state(s, e, e->rcpts[i].state)));
		field(out, e->rcpts[i].address);
	}
	buf_addc(out, '\n');
}

static void show_rcpt(struct buf *out, const struct envelope_rcpt *r, size_t num)
{
	field(out, STR("recipient"));
	number(out, (int64_t)num);
	field(out, str_of(state_word(r->state)));
	field(out, r->address);
	field(out, r->orcpt);
	field(out, r->module);
	field(out, r->host);
	number(out, r->when);
	field(out, r->status);
	field(out, r->peer);
	field(out, r->error.n ? r->error : r->reply);
	buf_addc(out, '\n');
}

void show_message(const struct look *l, struct buf *out)
{
	const struct envelope *e = l->e;
	char id[QUEUE_ID_SIZE];
	id_text(e, id);
	name_value(out, "id", str_of(id));
	name_value(out, "sender", e->sender);
	name_number(out, "size", (int64_t)e->size);
	name_number(out, "arrival", e->arrival);
	name_number(out, "expiry", e->expiry);
	name_number(out, "next", l->loaded ? 0 : e->next);
	if (e->release)
		name_number(out, "release", e->release);
	if (e->by_mode) {
		name_number(out, "deliver-by", e->by);
		name_value(out, "deliver-by-mode", str_at(&e->by_mode, 1));
	}
	if (e->tls)
		name_value(out, "tls", e->tls == 'R' ? STR("REQUIRETLS") : STR("optional"));
	name_number(out, "uid", e->uid);
	name_value(out, "source", e->source);
	name_value(out, "login", e->login);
	name_value(out, "envid", e->envid);
	name_number(out, "rounds", e->rounds);
	name_value(out, "cancelled", e->cancelled);
	for (size_t i = 0; i < e->n_rcpts; i++)
		show_rcpt(out, &e->rcpts[i], i);
}

static void status_modules(const struct sched *s, struct buf *out)
{
	for (size_t i = 0; i < s->n_modules; i++) {
		const struct sched_module *m = &s->modules[i];
		buf_addf(out, "module.%s\t%s running=%u delivered=%llu deferred=%llu failed=%llu\n",
		    m->name, m->up ? "up" : "down", m->active, (unsigned long long)m->delivered,
		    (unsigned long long)m->deferred, (unsigned long long)m->failed);
	}
}

void show_status(struct sched *s, struct buf *out)
{
	struct buf facts;
	struct str rest, word;
	buf_init(&facts, 4096);
	name_number(out, "messages", (int64_t)(s->n_loaded + sched_waiting(s)));
	name_number(out, "loaded", (int64_t)s->n_loaded);
	name_number(out, "waiting", (int64_t)sched_waiting(s));
	name_number(out, "running", (int64_t)sched_active(s));
	name_number(out, "oldest_next", s->index.n ? s->index.v[0].next : 0);
	name_number(out, "new", (int64_t)s->n_new);
	name_number(out, "completed", (int64_t)s->n_completed);
	status_modules(s, out);
	queue_facts(s->q, &facts);
	for (rest = buf_str(&facts); str_word(&rest, &word);) {
		struct str name = STR_NONE;
		if (str_split(&word, '=', &name)) {
			field(out, name);
			field(out, word);
			buf_addc(out, '\n');
		}
	}
	buf_free(&facts);
}
