/*
 * A host that takes its mail slowly does not fill the memory: when enough of its messages are
 * loaded, the numbers of the others are kept at the host until there is room for them.  So those
 * for other hosts, which come behind them in the queue, are reached, and a queue of a million
 * messages for one host is read once, not again and again.
 */
#include "config.h"

#include "courierd/sched.h"

#include <stdlib.h>

enum { SHARE = 10, LOAD_AT_ONCE = 200 };

/* So many deliveries of a host may wait in memory. */
static size_t enough(const struct dest *d)
{
	size_t share = d->module->s->limits.queuehi / SHARE, least = 2 * (size_t)d->module->maxhost;
	return share > least ? share : least;
}

/* The one host that all open recipients go to, or NULL. */
static struct dest *only_dest(struct sched *s, const struct message *m)
{
	const struct envelope_rcpt *first = NULL;
	for (size_t i = 0; i < m->env.n_rcpts; i++) {
		const struct envelope_rcpt *r = &m->env.rcpts[i];
		if (rcpt_final(r->state))
			continue;
		if (r->state != RCPT_PENDING ||
		    (first && (!str_eq(r->module, first->module) || !str_eq(r->host, first->host))))
			return NULL;
		first = r;
	}
	struct sched_module *mod = first ? module_find(s, first->module) : NULL;
	return mod && mod->configured ? map_get(mod->dests, first->host) : NULL;
}

/* While there is plenty of room, or what is there is soon gone, reading a message twice is a waste.
 */
static bool tight(const struct sched *s)
{
	return s->n_loaded > s->limits.queuelo / 2 && !s->brisk;
}

static bool has_other_work(struct sched *s, const struct message *m)
{
	int64_t now = sched_now(s);
	return m->cancel || m->deliveries || m->writes || m->questions || now >= m->env.expiry ||
	       (m->env.warn >= 0 && !m->env.warned && now >= m->env.warn);
}

bool park(struct sched *s, struct message *m)
{
	if (!tight(s) || has_other_work(s, m))
		return false;
	struct dest *d = only_dest(s, m);
	if (!d || d->waiting < enough(d) || dest_down(d, sched_now(s)) || !vec_room(&d->parked))
		return false;
	uint64_t seq = m->seq;
	if (m->out.n && message_write(s, m, false))
		return false;
	d->parked.v[d->parked.n++] = seq;
	s->n_parked++;
	if (!d->parked_listed) {
		d->parked_next = s->parked;
		s->parked = d;
		d->parked_listed = true;
	}
	if (queue_settle(s->q, seq, sched_now(s)))
		log_error(NULL, "message %s cannot be put down: %m", m->id);
	message_free(s, m);
	s->n_left--; /* not by getting on */
	return true;
}

/* The numbers that were taken out stand at the front; now and then they are let go. */
static void shift(struct dest *d)
{
	if (!d->unparked || (d->unparked < d->parked.n && d->unparked < d->parked.n / 2))
		return;
	d->parked.n -= d->unparked;
	memmove(d->parked.v, d->parked.v + d->unparked, d->parked.n * sizeof *d->parked.v);
	d->unparked = 0;
}

static size_t load_some(struct sched *s, struct dest *d, size_t most)
{
	size_t n = 0;
	while (n < most && d->unparked < d->parked.n && s->n_loaded < s->limits.queuehi &&
	       d->waiting < enough(d)) {
		struct message *m = message_load(s, d->parked.v[d->unparked++]);
		s->n_parked--;
		n++;
		if (m)
			message_start(s, m);
	}
	shift(d);
	return n;
}

/* A list that is empty leaves; true when it did. */
static bool delist(struct dest **at)
{
	struct dest *d = *at;
	if (d->parked.n)
		return false;
	*at = d->parked_next;
	d->parked_listed = false;
	vec_free(&d->parked);
	return true;
}

/* Who was first is last the next time. */
static void rotate(struct sched *s)
{
	struct dest *first = s->parked, **end = &s->parked;
	if (!first || !first->parked_next)
		return;
	s->parked = first->parked_next;
	first->parked_next = NULL;
	while (*end)
		end = &(*end)->parked_next;
	*end = first;
}

bool park_turn(struct sched *s, int64_t now)
{
	size_t left = LOAD_AT_ONCE;
	for (struct dest **at = &s->parked; *at && !s->stopping;) {
		struct dest *d = *at;
		if (dest_down(d, now) || d->waiting <= enough(d) / 2)
			left -= load_some(s, d, left);
		if (!delist(at))
			at = &d->parked_next;
	}
	rotate(s);
	if (!left)
		s->hooks->soon(s->ctx);
	return s->parked != NULL;
}

bool park_take(struct sched *s, uint64_t seq)
{
	for (struct dest *d = s->parked; d; d = d->parked_next)
		for (size_t i = d->unparked; i < d->parked.n; i++)
			if (d->parked.v[i] == seq) {
				d->parked.v[i] = d->parked.v[d->unparked++];
				s->n_parked--;
				return true;
			}
	return false;
}

size_t park_list(const struct sched *s, uint64_t *out, size_t max)
{
	size_t n = 0;
	for (const struct dest *d = s->parked; d; d = d->parked_next)
		for (size_t i = d->unparked; i < d->parked.n && n < max; i++)
			out[n++] = d->parked.v[i];
	return n;
}

void park_forget(struct dest *d)
{
	vec_free(&d->parked);
}
