/*
 * A clock that is set.  Times in the queue are those of the wall, since they must outlive us; so a
 * clock that jumps must not keep mail for years, return it early, or take a module for dead.
 */
#include "config.h"

#include "courierd/sched.h"

/* We come by each minute: who was away for longer was asleep, or the clock was set on. */
enum { SET_ON = 3600 };

static void shift_deliveries(struct sched *s, int64_t by)
{
	struct str key;
	void *v;
	for (size_t i = 0; i < s->n_modules; i++)
		for (struct delivery *x = s->modules[i].running; x; x = x->run_next)
			x->started += by;
	for (size_t at = 0; map_next(s->messages, &at, &key, &v);)
		((struct message *)v)->owed_since += by;
}

static void shift_hosts(struct sched *s, int64_t by)
{
	struct str key;
	void *v;
	for (size_t i = 0; i < s->n_modules; i++)
		for (size_t at = 0; map_next(s->modules[i].dests, &at, &key, &v);) {
			struct dest *d = v;
			if (d->down_until)
				d->down_until += by;
		}
	for (size_t at = 0; map_next(s->messages, &at, &key, &v);) {
		struct message *m = v;
		if (m->not_before)
			m->not_before += by;
	}
}

static int64_t limit(int64_t t, int64_t most)
{
	return t < most ? t : most;
}

static void set_back(struct sched *s, int64_t now)
{
	log_warning(NULL, "the clock was set back by %lld seconds; attempts keep their pauses",
	    (long long)(s->last_turn - now));
	shift_hosts(s, now - s->last_turn);
	index_shift(&s->index, now - s->last_turn, now, now + retry_longest(&s->limits));
	s->last_fill = limit(s->last_fill, now);
	s->last_load = limit(s->last_load, now);
	s->last_count = limit(s->last_count, now);
	s->last_swept = limit(s->last_swept, now);
	s->started = limit(s->started, now);
}

void clock_turn(struct sched *s, int64_t now)
{
	int64_t step = s->last_turn ? now - s->last_turn : 0;
	if (step < 0)
		set_back(s, now);
	if (step < 0 || step > SET_ON)
		shift_deliveries(s, step);
	if (step > SET_ON && s->started)
		s->started += step; /* we are not due to start anew (respawnhi) for that */
	s->last_turn = now;
}

int64_t clock_next(const struct sched *s, const struct envelope *e, int64_t now)
{
	bool wanted = !e->rounds &&
		      (e->next <= e->release || (e->delay > 0 && e->next <= e->arrival + e->delay));
	if (wanted || e->next <= now + retry_longest(&s->limits))
		return e->next;
	return now + s->limits.retryalpha;
}

static int64_t next_of(struct sched *s, const struct index_entry *x, int64_t now)
{
	struct envelope e;
	const char *why;
	struct buf b;
	struct arena *a = arena_new(4 * ENVELOPE_TEXT_MAX);
	int64_t next = now + s->limits.retryalpha;
	buf_init(&b, ENVELOPE_TEXT_MAX);
	if (a && queue_load(s->q, x->seq, &b) == 0 &&
	    envelope_decode(buf_str(&b), a, &e, &why) == 0) {
		e.next = x->next;
		next = clock_next(s, &e, now);
	}
	buf_free(&b);
	arena_free(a);
	return next;
}

void clock_start(struct sched *s)
{
	int64_t now = sched_now(s), last = now + retry_longest(&s->limits);
	size_t n = 0;
	for (size_t i = 0; i < s->index.n; i++) {
		struct index_entry *x = &s->index.v[i];
		int64_t next = x->next <= last ? x->next : next_of(s, x, now);
		n += next != x->next;
		x->next = next;
	}
	if (!n)
		return;
	log_warning(NULL,
	    "%zu messages were to wait for longer than any pause: the clock was wrong; they are "
	    "tried sooner",
	    n);
	index_shift(&s->index, 0, now, INT64_MAX);
}
