/* The messages that are put down: a heap of number and time, 16 bytes a message. */
#include "config.h"

#include "courierd/sched.h"

static void swap(struct index *x, size_t a, size_t b)
{
	struct index_entry e = x->v[a];
	x->v[a] = x->v[b];
	x->v[b] = e;
}

static bool before(const struct index *x, size_t a, size_t b)
{
	return x->v[a].next != x->v[b].next ? x->v[a].next < x->v[b].next
					    : x->v[a].seq < x->v[b].seq;
}

static void up(struct index *x, size_t i)
{
	for (; i && before(x, i, (i - 1) / 2); i = (i - 1) / 2)
		swap(x, i, (i - 1) / 2);
}

static void down(struct index *x, size_t i)
{
	for (;;) {
		size_t best = i, child = 2 * i + 1;
		for (size_t k = child; k < child + 2 && k < x->n; k++)
			if (before(x, k, best))
				best = k;
		if (best == i)
			return;
		swap(x, i, best);
		i = best;
	}
}

bool index_add(struct index *x, uint64_t seq, int64_t next)
{
	if (x->n == x->cap && !vec_room(x))
		return false;
	x->v[x->n++] = (struct index_entry){.next = next, .seq = seq};
	up(x, x->n - 1);
	return true;
}

bool index_pop(struct index *x, int64_t now, struct index_entry *out)
{
	if (!x->n || x->v[0].next > now)
		return false;
	*out = x->v[0];
	x->v[0] = x->v[--x->n];
	down(x, 0);
	return true;
}

bool index_find(const struct index *x, uint64_t seq, size_t *at)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].seq == seq) {
			*at = i;
			return true;
		}
	return false;
}

void index_set(struct index *x, size_t at, int64_t next)
{
	x->v[at].next = next;
	up(x, at);
	down(x, at);
}

void index_drop(struct index *x, size_t at)
{
	x->v[at] = x->v[--x->n];
	if (at < x->n) {
		up(x, at);
		down(x, at);
	}
}

static void heapify(struct index *x)
{
	for (size_t i = x->n / 2; i-- > 0;)
		down(x, i);
}

void index_shift(struct index *x, int64_t by, int64_t least, int64_t most)
{
	for (size_t i = 0; i < x->n; i++) {
		int64_t *t = &x->v[i].next;
		if (*t > least)
			*t = *t + by > least ? *t + by : least;
		if (*t > most)
			*t = most;
	}
	heapify(x);
}

void index_all_now(struct index *x, int64_t now)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].next > now)
			x->v[i].next = now;
	heapify(x);
}
