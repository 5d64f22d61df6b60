#include "config.h"

#include "courierd/broker.h"

#include <stdlib.h>
#include <unistd.h>

/*
 * One worker per uid answers questions about the homes of that uid's accounts.  What it says back
 * is one byte: it runs as a user and is not believed more than that.
 */
enum { LOOK_IDLE_MS = 60000, LOOK_ANSWER_MS = 10000, LOOK_WORKERS_MAX = 100 };

struct question {
	struct question *next;
	uint32_t id;
	int64_t deadline;
	look_done done;
	void *ctx;
};

struct looker {
	struct look_pool *pool;
	struct looker *next;
	uint32_t uid, gid, last_id;
	struct ipc *c;
	struct question *waiting;
	int64_t used;
};

struct look_pool {
	struct broker *b;
	struct looker *first;
	struct timer *sweep;
	size_t n;
};

static void tell(struct question *q, enum broker_looked_at result)
{
	q->done(q->ctx, result);
	free(q);
}

static void looker_drop(struct looker *k)
{
	struct look_pool *p = k->pool;
	for (struct looker **at = &p->first; *at; at = &(*at)->next)
		if (*at == k) {
			*at = k->next;
			break;
		}
	p->n--;
	ipc_free(k->c);
	while (k->waiting) {
		struct question *q = k->waiting;
		k->waiting = q->next;
		tell(q, BROKER_LOOK_TEMPFAIL);
	}
	free(k);
}

static void on_msg(void *ctx, struct ipc *c, struct ipc_msg *m)
{
	struct looker *k = ctx;
	struct ipc_reader r;
	ipc_read(m, &r);
	uint8_t result = ipc_get_u8(&r);
	(void)c;
	if (m->type != WORKER_LOOKED || !ipc_done(&r) || result > BROKER_LOOK_UNREADABLE) {
		looker_drop(k);
		return;
	}
	for (struct question **at = &k->waiting; *at; at = &(*at)->next)
		if ((*at)->id == m->id) {
			struct question *q = *at;
			*at = q->next;
			tell(q, (enum broker_looked_at)result);
			return;
		}
}

static void on_close(void *ctx, struct ipc *c)
{
	(void)c;
	looker_drop(ctx);
}

static void sweep(void *ctx)
{
	struct look_pool *p = ctx;
	int64_t now = clock_mono_ms();
	for (struct looker *k = p->first, *next; k; k = next) {
		next = k->next;
		if (k->waiting ? k->waiting->deadline < now : k->used + LOOK_IDLE_MS < now)
			looker_drop(k);
	}
	if (p->first)
		timer_set(p->sweep, LOOK_ANSWER_MS / 4);
}

struct look_pool *look_pool_new(struct broker *b)
{
	struct look_pool *p = mem_new(struct look_pool);
	p->b = b;
	p->sweep = timer_new(service_loop(b->service), sweep, p);
	return p;
}

void look_pool_free(struct look_pool *p)
{
	while (p && p->first)
		looker_drop(p->first);
	if (p)
		timer_free(p->sweep);
	free(p);
}

static struct looker *looker_new(struct look_pool *p, const struct owner *o)
{
	static const struct ipc_handlers handlers = {.on_msg = on_msg, .on_close = on_close};
	struct buf why;
	if (p->n >= LOOK_WORKERS_MAX)
		return NULL;
	buf_init(&why, 1024);
	int fd = worker_start(p->b, o, false, &why);
	buf_free(&why);
	if (fd < 0)
		return NULL;
	struct looker *k = mem_new(struct looker);
	*k = (struct looker){.pool = p, .uid = o->uid, .gid = o->gid};
	k->c = ipc_new(service_loop(p->b->service), fd, &handlers, k);
	if (!k->c) {
		close(fd);
		free(k);
		return NULL;
	}
	k->next = p->first;
	p->first = k;
	p->n++;
	return k;
}

static struct looker *looker_of(struct look_pool *p, const struct owner *o)
{
	for (struct looker *k = p->first; k; k = k->next)
		if (k->uid == o->uid && k->gid == o->gid)
			return k;
	return looker_new(p, o);
}

void look_ask(struct look_pool *p, const struct owner *o, struct str ext, look_done done, void *ctx)
{
	struct looker *k = looker_of(p, o);
	struct worker_rules rules = local_rules(p->b->config);
	if (!k) {
		done(ctx, BROKER_LOOK_TEMPFAIL);
		return;
	}
	ipc_compose(k->c, WORKER_LOOK, ++k->last_id);
	worker_put_rules(k->c, &rules);
	ipc_put_z(k->c, o->home);
	ipc_put_str(k->c, ext);
	if (ipc_send(k->c, -1) < 0) {
		done(ctx, BROKER_LOOK_TEMPFAIL);
		return;
	}
	struct question *q = mem_new(struct question), **end = &k->waiting;
	*q = (struct question){.id = k->last_id,
	    .deadline = clock_mono_ms() + LOOK_ANSWER_MS,
	    .done = done,
	    .ctx = ctx};
	while (*end)
		end = &(*end)->next;
	*end = q;
	k->used = clock_mono_ms();
	if (!timer_armed(p->sweep))
		timer_set(p->sweep, LOOK_ANSWER_MS / 4);
}
