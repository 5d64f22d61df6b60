#include "config.h"

#include "local/pool-private.h"

#include <stdlib.h>
#include <unistd.h>

/*
 * Workers.  Plain ones belong to a group (a uid and gid), stay, and are given several deliveries at
 * once.  Own ones follow filters and run programs: each is one account's, stays for its next
 * message, and has one delivery at a time, so that whatever a script does to it harms that alone.
 */
enum { SWEEP_MS = 1000, ASK_PAUSE_MS = 5000 };

static void dispatch(struct group *g);

void queue_put(struct queue *q, struct task *t)
{
	if (!q->n)
		q->end = &q->first;
	t->next = NULL;
	*q->end = t;
	q->end = &t->next;
	q->n++;
}

struct task *queue_take(struct queue *q)
{
	struct task *t = q->first;
	if (!t)
		return NULL;
	q->first = t->next;
	if (!--q->n)
		q->end = &q->first;
	return t;
}

static struct task *queue_find(struct queue *q, uint32_t id)
{
	for (struct task **at = &q->first; *at; at = &(*at)->next)
		if ((*at)->id == id) {
			struct task *t = *at;
			*at = t->next;
			if (q->end == &t->next)
				q->end = at;
			q->n--;
			return t;
		}
	return NULL;
}

static void fail(struct task *t, bool for_ever, const char *why)
{
	t->done(t->ctx, NULL, for_ever, str_of(why));
}

static void fail_all(struct queue *q, const char *why)
{
	struct queue now = *q;
	if (now.n == 0)
		return;
	*q = (struct queue){.end = NULL};
	struct task *t;
	while ((t = queue_take(&now)))
		fail(t, false, why);
}

/* Frees the slot.  What it had not answered is told to be deferred: nobody knows how far it came.
 */
void slot_drop(struct slot *s, const char *why)
{
	struct pool *p = s->pool;
	struct slot **at = s->group ? &s->group->slots : &p->own;
	struct queue lost = s->flying;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	if (s->group)
		s->group->n--;
	else
		p->n_own--;
	ipc_free(s->c);
	free(s->account);
	free(s->ext);
	free(s);
	if (lost.n)
		log_error(NULL, "%s; %zu deliveries are deferred", why, lost.n);
	fail_all(&lost, why);
}

static void after(struct pool *p, struct group *g)
{
	if (g)
		dispatch(g);
	else
		own_dispatch(p);
}

static void on_msg(void *ctx, struct ipc *c, struct ipc_msg *m)
{
	struct slot *s = ctx;
	struct pool *p = s->pool;
	struct group *g = s->group;
	struct worker_result r;
	struct task *t = worker_read_result(m, &r) ? queue_find(&s->flying, m->id) : NULL;
	(void)c;
	if (!t) {
		slot_drop(s, "a delivery worker sent an answer that can't be understood");
		after(p, g);
		return;
	}
	t->done(t->ctx, &r, false, STR_NONE);
	s->idle_since = clock_mono_ms();
	after(p, g);
}

static void on_close(void *ctx, struct ipc *c)
{
	struct slot *s = ctx;
	struct pool *p = s->pool;
	struct group *g = s->group;
	(void)c;
	slot_drop(s, "the delivery worker has ended");
	after(p, g);
}

struct slot *slot_new(struct pool *p, struct group *g, int fd, uint32_t uid)
{
	static const struct ipc_handlers handlers = {.on_msg = on_msg, .on_close = on_close};
	struct slot *s = mem_new(struct slot);
	*s = (struct slot){.group = g, .pool = p, .uid = uid};
	s->since = s->idle_since = clock_mono_ms();
	s->c = ipc_new(service_loop(p->service), fd, &handlers, s);
	if (!s->c) {
		close(fd);
		free(s);
		return NULL;
	}
	struct slot **list = g ? &g->slots : &p->own;
	s->next = *list;
	*list = s;
	if (g)
		g->n++;
	return s;
}

bool task_is_alias(const struct task *t)
{
	return str_is(t->key->user, BROKER_ALIAS_ACCOUNT);
}

void slot_give(struct slot *s, struct task *t)
{
	int fd = t->d.body.p ? -1 : module_body_fd(t->body);
	if (!s->group) {
		free(s->ext);
		s->ext = mem_strndup(t->key->ext.p ? t->key->ext.p : "", t->key->ext.n);
	}
	if (!t->d.body.p && fd < 0) {
		fail(t, false, "cannot open the message");
		return;
	}
	if (task_is_alias(t))
		t->d.uid = s->uid;
	t->id = ++s->pool->last_id;
	t->deadline = clock_mono_ms() + s->pool->limits.delivery_ms;
	int r = worker_send_delivery(s->c, t->id, &t->d, fd);
	if (fd >= 0)
		close(fd);
	if (r < 0)
		fail(t, false, "cannot hand the message to a delivery worker");
	else
		queue_put(&s->flying, t);
}

static void got_plain(
    struct request *q, int result, int fd, uint32_t uid, uint32_t gid, struct str why)
{
	struct group *g = q->group;
	g->asked--;
	if (result == 0 && !g->alias && (uid != g->uid || gid != g->gid)) {
		close(fd);
		log_warning(NULL,
		    "an account's uid has changed from %u to %u; its mail is deferred", g->uid,
		    uid);
		struct task *t = queue_take(&g->waiting);
		if (t)
			fail(t, false, "the account has changed");
	} else if (result == 0) {
		slot_new(g->pool, g, fd, uid);
	} else if (g->n) {
		g->ask_after = clock_mono_ms() + ASK_PAUSE_MS;
	} else if (result == -2) {
		struct task *t = queue_take(&g->waiting);
		if (t)
			t->done(t->ctx, NULL, true, why);
	} else {
		char *text = mem_strndup(why.p ? why.p : "", why.n);
		log_error(NULL, "no delivery worker for uid %u: %s", g->uid, text);
		fail_all(&g->waiting, text);
		free(text);
	}
	dispatch(g);
}

static void got(void *ctx, int result, int fd, uint32_t uid, uint32_t gid, struct str why)
{
	struct request *q = ctx;
	if (q->task)
		own_got(q, result, fd, uid, why);
	else
		got_plain(q, result, fd, uid, gid, why);
	free(q);
}

void pool_ask(struct pool *p, struct group *g, struct task *own, struct str account)
{
	struct request *q = mem_new(struct request);
	*q = (struct request){.pool = p, .group = g, .task = own, .since = clock_mono_ms()};
	if (own) {
		q->next = p->asked_own;
		p->asked_own = q;
	}
	broker_worker(p->broker, account, own != NULL, got, q);
}

static struct slot *least_busy(struct group *g)
{
	struct slot *best = NULL;
	for (struct slot *s = g->slots; s; s = s->next)
		if (!best || s->flying.n < best->flying.n)
			best = s;
	return best;
}

static void dispatch(struct group *g)
{
	struct slot *s;
	while (g->waiting.n && (s = least_busy(g)) && s->flying.n < WORKER_IN_FLIGHT)
		slot_give(s, queue_take(&g->waiting));
	s = least_busy(g);
	bool crowded = s ? s->flying.n >= WORKER_CROWDED : g->waiting.n > 0;
	struct task *t = g->waiting.first ? g->waiting.first : s ? s->flying.first : NULL;
	if (crowded && t && !g->asked && g->n < g->pool->limits.workers &&
	    clock_mono_ms() >= g->ask_after) {
		g->asked++;
		pool_ask(g->pool, g, NULL, t->key->user);
	}
}

static bool belongs(const struct group *g, const struct task *t)
{
	if (g->alias || task_is_alias(t))
		return g->alias && task_is_alias(t);
	return g->uid == t->key->uid && g->gid == t->key->gid;
}

static struct group *group_of(struct pool *p, const struct task *t)
{
	struct group *g = p->groups;
	while (g && !belongs(g, t))
		g = g->next;
	if (g)
		return g;
	g = mem_new(struct group);
	*g = (struct group){.next = p->groups,
	    .pool = p,
	    .alias = task_is_alias(t),
	    .uid = t->key->uid,
	    .gid = t->key->gid};
	p->groups = g;
	return g;
}

void pool_give(struct pool *p, struct task *t)
{
	if (!timer_armed(p->sweep))
		timer_set(p->sweep, SWEEP_MS);
	if (t->fresh) {
		t->waits_since = clock_mono_ms();
		queue_put(&p->waiting_own, t);
		own_dispatch(p);
		return;
	}
	struct group *g = group_of(p, t);
	queue_put(&g->waiting, t);
	dispatch(g);
}

static bool overdue(const struct slot *s, int64_t now)
{
	for (const struct task *t = s->flying.first; t; t = t->next)
		if (t->deadline < now)
			return true;
	return false;
}

static void sweep_slots(struct pool *p, struct slot *list, int64_t now)
{
	for (struct slot *s = list, *next; s; s = next) {
		next = s->next;
		if (s->flying.n ? overdue(s, now) : s->idle_since + p->limits.idle_ms < now)
			slot_drop(s, "a delivery took too long");
	}
}

static void sweep(void *ctx)
{
	struct pool *p = ctx;
	int64_t now = clock_mono_ms();
	bool any = p->n_own > 0;
	sweep_slots(p, p->own, now);
	own_dispatch(p);
	for (struct group **at = &p->groups; *at;) {
		struct group *g = *at;
		sweep_slots(p, g->slots, now);
		dispatch(g);
		if (g->n || g->asked || g->waiting.n) {
			any = true;
			at = &g->next;
		} else {
			*at = g->next;
			free(g);
		}
	}
	if (any)
		timer_set(p->sweep, SWEEP_MS);
}

struct pool *pool_new(struct service *s, struct broker_client *broker)
{
	struct pool *p = mem_new(struct pool);
	p->service = s;
	p->broker = broker;
	p->sweep = timer_new(service_loop(s), sweep, p);
	p->patience = timer_new(service_loop(s), own_out_of_patience, p);
	return p;
}

void pool_set_limits(struct pool *p, const struct pool_limits *l)
{
	p->limits = *l;
}

void pool_stats(const struct pool *p, struct buf *out)
{
	unsigned workers = 0;
	size_t flying = 0, waiting = p->waiting_own.n;
	for (const struct group *g = p->groups; g; g = g->next) {
		workers += g->n;
		waiting += g->waiting.n;
		for (const struct slot *s = g->slots; s; s = s->next)
			flying += s->flying.n;
	}
	buf_addf(out, "workers=%u programs=%u delivering=%zu waiting=%zu", workers, p->n_own,
	    flying, waiting);
}
