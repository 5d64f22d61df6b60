/* Modules: their slots, and who gets one next. */
#include "config.h"

#include "courierd/sched.h"

#include <stdio.h>
#include <stdlib.h>

enum { DEATHS_MAX = 2, SLOW = 30 };

struct sched_module *module_find(struct sched *s, struct str name)
{
	for (size_t i = 0; i < s->n_modules; i++)
		if (str_is(name, s->modules[i].name))
			return &s->modules[i];
	return NULL;
}

struct sched_module *module_add(struct sched *s, const char *name)
{
	struct sched_module *m = module_find(s, str_of(name));
	if (m)
		return m;
	if (s->n_modules == SCHED_MODULES_MAX || strlen(name) >= sizeof m->name)
		return NULL;
	m = &s->modules[s->n_modules];
	*m = (struct sched_module){
	    .priority = 50, .maxdels = 10, .maxhost = 4, .maxrcpt = 1, .s = s};
	snprintf(m->name, sizeof m->name, "%s", name);
	for (size_t i = 0; i < HOST_RANKS; i++)
		m->ring[i].tail = &m->ring[i].head;
	m->dests = map_new();
	if (!m->dests)
		return NULL;
	s->n_modules++;
	return m;
}

struct delivery *delivery_new(struct message *m, struct dest *d)
{
	struct delivery *x = calloc(1, sizeof *x);
	if (!x)
		return NULL;
	x->id = ++d->module->s->last_delivery;
	x->msg = m;
	x->dest = d;
	m->deliveries++;
	return x;
}

int delivery_add(struct delivery *d, uint32_t num)
{
	if (d->n == d->cap) {
		size_t cap = d->cap ? 2 * d->cap : 4;
		uint32_t *r = realloc(d->rcpts, cap * sizeof *r);
		if (!r)
			return -1;
		d->rcpts = r;
		uint8_t *a = realloc(d->answered, cap);
		if (!a)
			return -1;
		d->answered = a;
		d->cap = cap;
	}
	d->rcpts[d->n] = num;
	d->answered[d->n++] = 0;
	return 0;
}

void delivery_free(struct delivery *d)
{
	free(d->rcpts);
	free(d->answered);
	free(d);
}

/* A host that has failed is asked by one delivery alone until it answers; what a new one can take
 * is found out. */
static unsigned allowed(const struct dest *d)
{
	if (d->failures)
		return 1;
	return d->window < d->module->maxhost ? d->window : d->module->maxhost;
}

static enum host_rank rank_of(const struct dest *d)
{
	return d->failures ? HOST_FAILED : d->proven ? HOST_PROVEN : HOST_DOUBTFUL;
}

/*
 * Hosts that are not known to answer soon leave a quarter of the slots to those that do, and hosts
 * that have failed another quarter to new ones: however many are dead, they never keep the living
 * from their mail.
 */
static bool has_room(const struct sched_module *m, enum host_rank r)
{
	unsigned quarter = (m->maxdels + 3) / 4, left = m->maxdels,
		 busy = m->busy[HOST_FAILED] + m->busy[HOST_DOUBTFUL];
	if (r == HOST_PROVEN)
		return true;
	left = left > quarter ? left - quarter : 1;
	if (busy >= left)
		return false;
	left = left > quarter ? left - quarter : 1;
	return r == HOST_DOUBTFUL || m->busy[HOST_FAILED] < left;
}

static void enter_ring(struct sched_module *m, struct dest *d)
{
	if (d->in_ring || !d->head || d->active >= allowed(d))
		return;
	d->in_ring = true;
	d->next = NULL;
	struct sched_ring *r = &m->ring[rank_of(d)];
	*r->tail = d;
	r->tail = &d->next;
}

void module_ring(struct sched_module *m, struct dest *d)
{
	enter_ring(m, d);
	if (d->in_ring)
		m->s->hooks->soon(m->s->ctx);
}

static struct dest *unring(struct sched_ring *r)
{
	struct dest *d = r->head;
	r->head = d->next;
	if (!r->head)
		r->tail = &r->head;
	d->in_ring = false;
	return d;
}

/* From the rings by turns. */
static struct dest *whose_turn(struct sched_module *m)
{
	for (unsigned k = 1; k <= HOST_RANKS; k++) {
		unsigned which = (m->turn + k) % HOST_RANKS;
		if (!m->ring[which].head || !has_room(m, which))
			continue;
		m->turn = which;
		return unring(&m->ring[which]);
	}
	return NULL;
}

static void run(struct delivery *x)
{
	struct sched_module *m = x->dest->module;
	x->run_next = m->running;
	x->run_prev = &m->running;
	if (m->running)
		m->running->run_prev = &x->run_next;
	m->running = x;
	m->active++;
	x->dest->active++;
	x->rank = rank_of(x->dest);
	m->busy[x->rank]++;
	x->started = sched_now(m->s);
	x->epoch = m->epoch;
}

void delivery_unrun(struct delivery *x)
{
	*x->run_prev = x->run_next;
	if (x->run_next)
		x->run_next->run_prev = x->run_prev;
	x->dest->module->active--;
	x->dest->module->busy[x->rank]--;
	x->dest->active--;
	if (sched_now(x->dest->module->s) - x->started > SLOW)
		dest_slow(x->dest);
}

/* The module's edge is full; it tells when there is room. */
static void first_again(struct dest *d, struct delivery *x)
{
	if (!d->head)
		d->tail = &x->next;
	x->next = d->head;
	d->head = x;
	d->waiting++;
	enter_ring(d->module, d);
}

/* In turn, one delivery a host, so that nobody waits for a long neighbour. */
void module_feed(struct sched_module *m)
{
	struct dest *d;
	while (m->up && !m->s->stopping && m->active < m->maxdels && (d = whose_turn(m))) {
		struct delivery *x = d->head;
		if (!x || d->active >= allowed(d))
			continue;
		if (!has_room(m, rank_of(d))) { /* it was better when it entered the ring */
			enter_ring(m, d);
			continue;
		}
		d->head = x->next;
		d->waiting--;
		if (!d->head)
			d->tail = &d->head;
		run(x);
		int r = m->s->hooks->deliver(m->s->ctx, m, x);
		if (r) {
			delivery_unrun(x);
			if (r > 0)
				delivery_over(m->s, x);
			else {
				first_again(d, x);
				return;
			}
		}
		enter_ring(m, d);
	}
}

struct delivery *module_delivery_find(struct sched_module *m, uint64_t id)
{
	for (struct delivery *x = m->running; x; x = x->run_next)
		if (x->id == id)
			return x;
	return NULL;
}

void module_up(struct sched_module *m)
{
	m->up = true;
	m->epoch++;
	m->s->hooks->soon(m->s->ctx);
}

/* What the dead module had not answered. */
static void keep_unanswered(struct delivery *x)
{
	size_t n = 0;
	for (size_t i = 0; i < x->n; i++)
		if (!x->answered[i])
			x->rcpts[n++] = x->rcpts[i];
	x->n = n;
	if (n)
		memset(x->answered, 0, n);
}

static struct delivery *of_epoch(const struct sched_module *m, unsigned epoch)
{
	struct delivery *x = m->running;
	while (x && x->epoch != epoch)
		x = x->run_next;
	return x;
}

/* The first death is the module's own fault; a delivery that sees two is deferred like any other.
 */
void module_left(struct sched_module *m, unsigned epoch)
{
	struct delivery *x;
	while ((x = of_epoch(m, epoch))) {
		delivery_unrun(x);
		keep_unanswered(x);
		if (x->n && ++x->deaths < DEATHS_MAX)
			dest_add(x->dest, x);
		else
			delivery_over(m->s, x);
	}
}

void module_down(struct sched_module *m)
{
	m->up = false;
	owed_module_down(m->s, m);
	module_left(m, m->epoch);
}

void module_leaves(struct sched_module *m)
{
	m->up = false;
}
