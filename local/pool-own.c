/* Workers that are one account's alone: they follow its filters and run its programs. */
#include "config.h"

#include "local/pool-private.h"

#include <stdlib.h>

enum { PATIENCE_MS = 100 };

/* It is asked for no more. */
static void own_came(struct request *q)
{
	struct request **at = &q->pool->asked_own;
	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
}

void own_got(struct request *q, int result, int fd, uint32_t uid, struct str why)
{
	struct pool *p = q->pool;
	struct task *t = q->task;
	own_came(q);
	struct slot *s = result == 0 ? slot_new(p, NULL, fd, uid) : NULL;
	if (s) {
		s->account = mem_strndup(t->key->user.p, t->key->user.n);
		slot_give(s, t);
	} else {
		p->n_own--;
		t->done(t->ctx, NULL, result == -2, result ? why : STR("no memory"));
	}
	own_dispatch(p);
}

static bool is_of(const struct slot *s, const struct task *t)
{
	return str_is(t->key->user, s->account) && (task_is_alias(t) || s->uid == t->key->uid);
}

/* What the account has. */
struct own_state {
	struct slot *idle;
	bool busy;      /* a worker is at work, or is coming */
	int64_t newest; /* when the last one was asked for */
};

static struct own_state own_state(const struct pool *p, const struct task *t)
{
	struct own_state o = {0};
	for (struct slot *s = p->own; s; s = s->next) {
		if (!is_of(s, t))
			continue;
		if (!s->flying.n)
			o.idle = s;
		o.busy = o.busy || s->flying.n;
		o.newest = s->since > o.newest ? s->since : o.newest;
	}
	for (const struct request *q = p->asked_own; q; q = q->next)
		if (str_eq(q->task->key->user, t->key->user)) {
			o.busy = true;
			o.newest = q->since > o.newest ? q->since : o.newest;
		}
	return o;
}

static bool room_for_own(struct pool *p)
{
	struct slot *oldest = NULL;
	if (p->n_own < p->limits.programs)
		return true;
	for (struct slot *s = p->own; s; s = s->next)
		if (!s->flying.n && (!oldest || s->idle_since < oldest->idle_since))
			oldest = s;
	if (oldest)
		slot_drop(oldest, "");
	return p->n_own < p->limits.programs;
}

/*
 * True: it has gone on its way.  A filter takes a moment: it is worth to wait for the worker that
 * is there.  When a program takes long there are more, one each PATIENCE_MS.
 */
static bool start_own(struct pool *p, struct task *t, int64_t now)
{
	struct own_state o = own_state(p, t);
	int64_t since = t->waits_since > o.newest ? t->waits_since : o.newest;
	if (o.idle) {
		slot_give(o.idle, t);
		return true;
	}
	if ((o.busy && since + PATIENCE_MS > now) || !room_for_own(p))
		return false;
	p->n_own++;
	pool_ask(p, NULL, t, t->key->user);
	return true;
}

void own_dispatch(struct pool *p)
{
	int64_t now = clock_mono_ms();
	struct queue all = p->waiting_own;
	if (!all.n)
		return;
	p->waiting_own = (struct queue){.end = NULL};
	struct task *t;
	while ((t = queue_take(&all)))
		if (!start_own(p, t, now))
			queue_put(&p->waiting_own, t);
	if (p->waiting_own.n && !timer_armed(p->patience))
		timer_set(p->patience, PATIENCE_MS);
}

void own_out_of_patience(void *ctx)
{
	own_dispatch(ctx);
}

/* Each extension has instructions of its own. */
bool pool_has_own(const struct pool *p, const struct task *t)
{
	for (const struct slot *s = p->own; s; s = s->next)
		if (is_of(s, t) && str_is(t->key->ext, s->ext))
			return true;
	for (const struct request *q = p->asked_own; q; q = q->next)
		if (str_eq(q->task->key->user, t->key->user) &&
		    str_eq(q->task->key->ext, t->key->ext))
			return true;
	return false;
}
