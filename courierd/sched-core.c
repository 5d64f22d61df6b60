/* The turn of the scheduler: rounds end, due messages are loaded, modules are fed. */
#include "config.h"

#include "courierd/sched.h"

#include <stdlib.h>

enum { LOAD_AT_ONCE = 500, SWEEP = 60, FAR = 3600, TIME_UNKNOWN = 1, TRICKLE = 20 };

int sched_init(struct sched *s, struct queue *q, const struct sched_hooks *h, void *ctx)
{
	memset(s, 0, sizeof *s);
	s->q = q;
	s->hooks = h;
	s->ctx = ctx;
	s->messages = map_new();
	s->questions = map_new();
	s->started = s->last_fill = s->last_load = s->last_swept = sched_now(s);
	return s->messages && s->questions ? 0 : -1;
}

void sched_limits_set(struct sched *s, const struct sched_limits *l)
{
	size_t dels = 0;
	s->limits = *l;
	for (size_t i = 0; i < s->n_modules; i++)
		dels += s->modules[i].maxdels;
	if (!s->limits.queuelo)
		s->limits.queuelo = dels > 200 ? dels : 200;
	if (s->limits.queuelo < 20)
		s->limits.queuelo = 20;
	size_t lo = s->limits.queuelo;
	if (s->limits.queuehi <= lo)
		s->limits.queuehi = lo < 1000 ? 2 * lo : lo + 1000;
}

size_t sched_waiting(const struct sched *s)
{
	return s->index.n + s->n_parked;
}

size_t sched_active(const struct sched *s)
{
	size_t n = 0;
	for (size_t i = 0; i < s->n_modules; i++)
		n += s->modules[i].active;
	return n;
}

/*
 * How many more messages may be in memory: below the low mark up to the high one; between the two a
 * few each second; and now and then a tenth beyond it, so that new mail does not starve the old.
 */
static size_t room(struct sched *s, int64_t now)
{
	const struct sched_limits *l = &s->limits;
	size_t free = s->n_loaded < l->queuehi ? l->queuehi - s->n_loaded : 0,
	       few = l->queuehi / TRICKLE;
	bool time = l->queuefill && now - s->last_fill >= l->queuefill;
	if (time)
		s->last_fill = now;
	else if (s->n_loaded >= l->queuelo && (now == s->last_load || !free || s->brisk))
		return 0;
	else if (s->n_loaded >= l->queuelo && free > few)
		free = few;
	s->last_load = now;
	return free ? free : l->queuehi / 10;
}

/* Each second: does what is in memory go on by itself? */
static void count_left(struct sched *s, int64_t now)
{
	if (now == s->last_count)
		return;
	s->brisk = s->n_left - s->left_before > s->limits.queuelo / 2;
	s->left_before = s->n_left;
	s->last_count = now;
}

static void load_due(struct sched *s, int64_t now)
{
	struct index_entry e;
	if (!s->index.n || s->index.v[0].next > now || s->stopping)
		return;
	size_t most = s->n_loaded + room(s, now), n = 0;
	for (; n < LOAD_AT_ONCE && s->n_loaded < most && index_pop(&s->index, now, &e); n++) {
		struct message *m = message_load(s, e.seq);
		if (m && e.next <= TIME_UNKNOWN && m->env.next > now)
			message_put_down(s, m, clock_next(s, &m->env, now));
		else if (m)
			message_start(s, m);
	}
	if (n == LOAD_AT_ONCE)
		s->hooks->soon(s->ctx);
}

static void end_rounds(struct sched *s)
{
	while (s->dirty) {
		struct message *m = s->dirty;
		s->dirty = m->dirty_next;
		m->dirty = false;
		message_end_round(s, m);
	}
}

static void sweep(struct sched *s, int64_t now)
{
	if (now - s->last_swept < SWEEP && now >= s->last_swept)
		return;
	s->last_swept = now;
	dest_sweep(s);
	owed_sweep(s, now);
	recipients_ask_old(s);
	for (size_t i = 0; i < s->n_modules; i++)
		for (struct delivery *x = s->modules[i].running; x; x = x->run_next)
			if (s->limits.modulettl && now - x->started > s->limits.modulettl) {
				log_error(NULL,
				    "module %s has been silent for %lld seconds on a delivery; it "
				    "is taken for dead",
				    s->modules[i].name, (long long)(now - x->started));
				s->hooks->module_stuck(s->ctx, &s->modules[i]);
				break;
			}
}

int64_t sched_turn(struct sched *s)
{
	int64_t now = sched_now(s), next = now + FAR;
	clock_turn(s, now);
	end_rounds(s);
	count_left(s, now);
	bool more = park_turn(s, now);
	load_due(s, now);
	for (size_t i = 0; i < s->n_modules; i++)
		module_feed(&s->modules[i]);
	end_rounds(s);
	sweep(s, now);
	if (more || (s->index.n && s->index.v[0].next <= now && s->n_loaded < s->limits.queuehi))
		next = now + 1;
	else if (s->index.n && s->index.v[0].next > now)
		next = s->index.v[0].next;
	else if (s->index.n)
		next = s->limits.queuefill ? s->last_fill + s->limits.queuefill : now + SWEEP;
	if (next > now + SWEEP)
		next = now + SWEEP;
	return next > now ? next : now + 1;
}

static void dest_release(void *p)
{
	struct dest *d = p;
	for (struct delivery *x = d->head, *next; x; x = next) {
		next = x->next;
		delivery_free(x);
	}
	park_forget(d);
	free(d->why);
	free(d->host);
	free(d);
}

void sched_free(struct sched *s)
{
	struct str key;
	void *v;
	for (size_t i = 0; i < s->n_modules; i++) {
		struct sched_module *m = &s->modules[i];
		for (struct delivery *x = m->running, *next; x; x = next) {
			next = x->run_next;
			delivery_free(x);
		}
		map_free(m->dests, dest_release);
	}
	for (size_t at = 0; s->messages && map_next(s->messages, &at, &key, &v); at = 0)
		message_free(s, v);
	if (s->messages)
		map_free(s->messages, NULL);
	if (s->questions)
		map_free(s->questions, free);
	free(s->index.v);
}
