/* Hosts: what waits for them, and whether they can be reached. */
#include "config.h"

#include "courierd/sched.h"

#include <stdlib.h>

enum { FORGET_AFTER = 2 * 3600, WINDOW_FIRST = 5, WINDOW_MAX = 1 << 20 };

static struct module_result *keep_result(const struct module_result *r)
{
	size_t n = r->diagnostic.n + r->remote.n + r->command.n + r->status.n;
	struct module_result *k = malloc(sizeof *k + n + 1);
	if (!k)
		return NULL;
	char *p = (char *)(k + 1);
	*k = *r;
	struct str *parts[] = {&k->diagnostic, &k->remote, &k->command, &k->status};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (parts[i]->n)
			memcpy(p, parts[i]->p, parts[i]->n);
		parts[i]->p = p;
		p += parts[i]->n;
	}
	return k;
}

struct dest *dest_get(struct sched_module *m, struct str host)
{
	struct dest *d = map_get(m->dests, host);
	if (d)
		return d;
	d = calloc(1, sizeof *d);
	if (!d || !(d->host = malloc(host.n + 1)) || !map_set(m->dests, host, d)) {
		if (d)
			free(d->host);
		free(d);
		return NULL;
	}
	if (host.n)
		memcpy(d->host, host.p, host.n);
	d->host[host.n] = 0;
	d->module = m;
	d->tail = &d->head;
	d->window = WINDOW_FIRST;
	m->s->n_dests++;
	return d;
}

static void dest_free(struct dest *d)
{
	map_del(d->module->dests, str_of(d->host));
	d->module->s->n_dests--;
	park_forget(d);
	free(d->why);
	free(d->host);
	free(d);
}

bool dest_down(const struct dest *d, int64_t now)
{
	return d->failures && d->why && now < d->down_until;
}

/* A host that is down is not tried again before its time: its messages are deferred at once. */
static bool defer_at_once(struct dest *d, struct delivery *x)
{
	struct sched *s = d->module->s;
	if (!dest_down(d, sched_now(s)) || x->report)
		return false;
	struct message *m = x->msg;
	if (m->not_before < d->down_until)
		m->not_before = d->down_until;
	for (size_t i = 0; i < x->n; i++)
		result_delivery(s, m, x->rcpts[i], d->why);
	m->deliveries--;
	delivery_free(x);
	message_dirty(s, m);
	return true;
}

void dest_add(struct dest *d, struct delivery *x)
{
	if (defer_at_once(d, x))
		return;
	x->next = NULL;
	*d->tail = x;
	d->tail = &x->next;
	d->waiting++;
	module_ring(d->module, d);
}

/*
 * What a delivery has taught about the host.  One that cannot be reached is left alone for
 * retryalpha: so no message comes later than its own schedule says, and one attempt, not one for
 * each message, finds out that it is still down.
 */
void dest_result(struct dest *d, bool connection_failed, const struct module_result *r)
{
	struct sched *s = d->module->s;
	if (!connection_failed) {
		d->failures = 0;
		d->proven = true;
		if (d->window < WINDOW_MAX)
			d->window++;
		free(d->why);
		d->why = NULL;
		return;
	}
	d->failures++;
	d->proven = false;
	d->window = WINDOW_FIRST;
	d->down_until = sched_now(s) + s->limits.retryalpha;
	free(d->why);
	d->why = r ? keep_result(r) : NULL;
	struct delivery *list = d->head;
	d->head = NULL;
	d->tail = &d->head;
	d->waiting = 0;
	for (struct delivery *x = list, *next; x; x = next) {
		next = x->next;
		dest_add(d, x);
	}
}

/* Others get the slots first until it answers again. */
void dest_slow(struct dest *d)
{
	d->proven = false;
}

/* Takes what waits of a message out again (it was cancelled). */
void dest_drop_waiting(struct sched *s, struct message *m)
{
	struct str key;
	void *v;
	for (size_t i = 0; i < s->n_modules; i++)
		for (size_t at = 0; map_next(s->modules[i].dests, &at, &key, &v);) {
			struct dest *d = v;
			struct delivery **p = &d->head;
			while (*p) {
				struct delivery *x = *p;
				if (x->msg != m) {
					p = &x->next;
					continue;
				}
				*p = x->next;
				d->waiting--;
				m->deliveries--;
				delivery_free(x);
			}
			d->tail = p;
		}
}

static bool idle(const struct dest *d, int64_t now, bool many)
{
	return !d->head && !d->active && !d->in_ring && !d->parked_listed &&
	       (!d->failures || many || now > d->down_until + FORGET_AFTER);
}

/* Frees the hosts that nothing is known of any more; now and then. */
void dest_sweep(struct sched *s)
{
	int64_t now = sched_now(s);
	struct dest *found[64];
	for (size_t i = 0; i < s->n_modules; i++) {
		size_t n;
		do {
			struct str key;
			void *v;
			n = 0;
			for (size_t at = 0;
			     n < ARRAY_LEN(found) && map_next(s->modules[i].dests, &at, &key, &v);)
				if (idle(v, now, s->n_dests > DEST_IDLE_MAX))
					found[n++] = v;
			for (size_t k = 0; k < n; k++)
				dest_free(found[k]);
		} while (n == ARRAY_LEN(found));
	}
}

void dest_flush(struct sched *s)
{
	struct str key;
	void *v;
	for (size_t i = 0; i < s->n_modules; i++)
		for (size_t at = 0; map_next(s->modules[i].dests, &at, &key, &v);) {
			struct dest *d = v;
			d->down_until = 0;
		}
}
