/* authdaemond's side of the helper. */
#include "config.h"

#include "authdaemon/helper.h"
#include "authdaemon/spawn.h"
#include "ipc/ipc.h"

#include <stdlib.h>
#include <unistd.h>

struct helper_job {
	struct helper *h;
	uint32_t id;
	struct timer *timer;
	helped done;
	void *ctx;
};

struct helper {
	struct loop *loop;
	struct ipc *ipc;
	struct map *jobs;
	uint32_t next_id;
	void (*lost)(void *ctx);
	void *ctx;
};

int helper_start(void)
{
	int fds[2];
	if (ipc_pair(fds) < 0)
		return -1;
	if (spawn_self(SPAWN_HELPER, fds[1]) > 0)
		return fds[0];
	close(fds[0]);
	return -1;
}

static struct str key_of(const uint32_t *id)
{
	return str_at(id, sizeof *id);
}

static void finish(struct helper_job *j, int verdict)
{
	helped done = j->done;
	void *ctx = j->ctx;
	helper_cancel(j);
	done(ctx, verdict);
}

static void out_of_time(void *ctx)
{
	finish(ctx, -1);
}

static void on_msg(void *ctx, struct ipc *c UNUSED, struct ipc_msg *m)
{
	struct helper *h = ctx;
	struct ipc_reader r;
	struct helper_job *j = map_get(h->jobs, key_of(&m->id));
	ipc_read(m, &r);
	uint8_t verdict = ipc_get_u8(&r);
	if (m->type == HELPER_ANSWER && ipc_done(&r) && j)
		finish(j, verdict > 1 ? -1 : verdict);
}

static void on_close(void *ctx, struct ipc *c)
{
	struct helper *h = ctx;
	ipc_free(c);
	h->ipc = NULL;
	h->lost(h->ctx);
}

struct helper *helper_new(struct loop *l, int fd, void (*lost)(void *ctx), void *ctx)
{
	static const struct ipc_handlers handlers = {on_msg, on_close, NULL};
	struct helper *h = mem_new(struct helper);
	h->loop = l;
	h->lost = lost;
	h->ctx = ctx;
	h->jobs = map_new();
	h->ipc = ipc_new(l, fd, &handlers, h);
	return h;
}

void helper_free(struct helper *h)
{
	struct str key;
	void *j;
	if (!h)
		return;
	for (size_t at = 0; map_next(h->jobs, &at, &key, &j); at = 0)
		helper_cancel(j);
	map_free(h->jobs, NULL);
	ipc_free(h->ipc);
	free(h);
}

static struct helper_job *job_new(struct helper *h, helped done, void *ctx)
{
	struct helper_job *j = mem_new(struct helper_job);
	*j = (struct helper_job){.h = h, .id = ++h->next_id, .done = done, .ctx = ctx};
	j->timer = timer_new(h->loop, out_of_time, j);
	map_set(h->jobs, key_of(&j->id), j);
	return j;
}

static struct helper_job *sent(struct helper_job *j, int r)
{
	timer_set(j->timer, r < 0 ? 0 : (HELPER_LIMIT_S + 5) * 1000);
	return j;
}

struct helper_job *helper_change(
    struct helper *h, struct str user, struct str old, struct str fresh, helped done, void *ctx)
{
	struct helper_job *j = job_new(h, done, ctx);
	int r = -1;
	if (h->ipc) {
		ipc_compose(h->ipc, HELPER_CHANGE, j->id);
		ipc_put_str(h->ipc, user);
		ipc_put_str(h->ipc, old);
		ipc_put_str(h->ipc, fresh);
		r = ipc_send(h->ipc, -1);
	}
	return sent(j, r);
}

struct helper_job *helper_check(struct helper *h, enum helper_kind kind, const char *service,
    struct str user, struct str password, struct str peer, helped done, void *ctx)
{
	struct helper_job *j = job_new(h, done, ctx);
	int r = -1;
	if (h->ipc) {
		ipc_compose(h->ipc, HELPER_CHECK, j->id);
		ipc_put_u8(h->ipc, (uint8_t)kind);
		ipc_put_z(h->ipc, service);
		ipc_put_str(h->ipc, user);
		ipc_put_str(h->ipc, password);
		ipc_put_str(h->ipc, peer);
		r = ipc_send(h->ipc, -1);
	}
	return sent(j, r);
}

void helper_cancel(struct helper_job *j)
{
	map_del(j->h->jobs, key_of(&j->id));
	timer_free(j->timer);
	free(j);
}
