#include "config.h"

#include "local/local.h"

#include <stdlib.h>
#include <unistd.h>

/*
 * Workers.  Plain ones belong to a group (a uid and gid), stay, and are given several deliveries at
 * once.  Own ones follow filters and run programs: each is one account's, stays for its next
 * message, and has one delivery at a time, so that whatever a script does to it harms that alone.
 */
enum { SWEEP_MS = 1000, ASK_PAUSE_MS = 5000, PATIENCE_MS = 100 };

struct queue {
	struct task *first, **end;
	size_t n;
};

struct slot {
	struct slot *next;
	struct group *group; /* NULL: an account's own worker */
	char *account;       /* of that, and the extension of its last delivery */
	char *ext;
	struct pool *pool;
	struct ipc *c;
	struct queue flying;
	uint32_t uid; /* as the broker says */
	int64_t idle_since;
};

struct group {
	struct group *next;
	struct pool *pool;
	bool alias; /* of the pseudo account: its ids are the broker's business */
	uint32_t uid, gid;
	struct slot *slots;
	unsigned n, asked; /* workers there are, and are asked for */
	int64_t ask_after; /* the broker has said no to one more */
	struct queue waiting;
};

struct request { /* to the broker */
	struct pool *pool;
	struct group *group;
	struct task *task; /* for an own worker; it is in no queue meanwhile */
	struct request *next;
};

struct pool {
	struct service *service;
	struct broker_client *broker;
	struct timer *sweep, *patience;
	struct pool_limits limits;
	struct group *groups;
	struct slot *own;
	struct request *asked_own;
	unsigned n_own; /* with those asked for */
	struct queue waiting_own;
	uint32_t last_id;
};

static void dispatch(struct group *g);
static void dispatch_own(struct pool *p);

static void queue_put(struct queue *q, struct task *t)
{
	if (!q->n)
		q->end = &q->first;
	t->next = NULL;
	*q->end = t;
	q->end = &t->next;
	q->n++;
}

static struct task *queue_take(struct queue *q)
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
static void slot_drop(struct slot *s, const char *why)
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
		dispatch_own(p);
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

static struct slot *slot_new(struct pool *p, struct group *g, int fd, uint32_t uid)
{
	static const struct ipc_handlers handlers = {.on_msg = on_msg, .on_close = on_close};
	struct slot *s = mem_new(struct slot);
	*s = (struct slot){.group = g, .pool = p, .uid = uid, .idle_since = clock_mono_ms()};
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

static bool is_alias(const struct task *t)
{
	return str_is(t->key->user, BROKER_ALIAS_ACCOUNT);
}

static void give(struct slot *s, struct task *t)
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
	if (is_alias(t))
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

/* It is asked for no more. */
static void own_came(struct request *q)
{
	struct request **at = &q->pool->asked_own;
	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
}

static void got_own(struct request *q, int result, int fd, uint32_t uid, struct str why)
{
	struct pool *p = q->pool;
	struct task *t = q->task;
	own_came(q);
	struct slot *s = result == 0 ? slot_new(p, NULL, fd, uid) : NULL;
	if (s) {
		s->account = mem_strndup(t->key->user.p, t->key->user.n);
		give(s, t);
	} else {
		p->n_own--;
		t->done(t->ctx, NULL, result == -2, result ? why : STR("no memory"));
	}
	dispatch_own(p);
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
		got_own(q, result, fd, uid, why);
	else
		got_plain(q, result, fd, uid, gid, why);
	free(q);
}

static void ask(struct pool *p, struct group *g, struct task *own, struct str account)
{
	struct request *q = mem_new(struct request);
	*q = (struct request){.pool = p, .group = g, .task = own};
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
		give(s, queue_take(&g->waiting));
	s = least_busy(g);
	bool crowded = s ? s->flying.n >= WORKER_CROWDED : g->waiting.n > 0;
	struct task *t = g->waiting.first ? g->waiting.first : s ? s->flying.first : NULL;
	if (crowded && t && !g->asked && g->n < g->pool->limits.workers &&
	    clock_mono_ms() >= g->ask_after) {
		g->asked++;
		ask(g->pool, g, NULL, t->key->user);
	}
}

static bool is_of(const struct slot *s, const struct task *t)
{
	return str_is(t->key->user, s->account) && (is_alias(t) || s->uid == t->key->uid);
}

/* What the account has: an idle worker in *idle, and whether a busy one is there or coming. */
static bool own_busy(const struct pool *p, const struct task *t, struct slot **idle)
{
	bool busy = false;
	*idle = NULL;
	for (struct slot *s = p->own; s; s = s->next)
		if (is_of(s, t)) {
			if (!s->flying.n)
				*idle = s;
			busy = busy || s->flying.n;
		}
	for (const struct request *q = p->asked_own; q && !busy; q = q->next)
		busy = str_eq(q->task->key->user, t->key->user);
	return busy;
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

/* True: it has gone on its way.  A filter takes a moment: it is worth to wait for the worker that
 * is there, and only a program that takes long makes a further one. */
static bool start_own(struct pool *p, struct task *t, int64_t now)
{
	struct slot *idle;
	bool busy = own_busy(p, t, &idle);
	if (idle) {
		give(idle, t);
		return true;
	}
	if ((busy && t->waits_since + PATIENCE_MS > now) || !room_for_own(p))
		return false;
	p->n_own++;
	ask(p, NULL, t, t->key->user);
	return true;
}

static void dispatch_own(struct pool *p)
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

static void out_of_patience(void *ctx)
{
	dispatch_own(ctx);
}

static bool belongs(const struct group *g, const struct task *t)
{
	if (g->alias || is_alias(t))
		return g->alias && is_alias(t);
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
	    .alias = is_alias(t),
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
		dispatch_own(p);
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
	dispatch_own(p);
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
	p->patience = timer_new(service_loop(s), out_of_patience, p);
	return p;
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
