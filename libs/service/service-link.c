/* Standing edges: connected on demand, and again when the peer has died. */
#include "config.h"

#include "service/service-private.h"

#include <stdlib.h>
#include <unistd.h>

enum { BACKOFF_MIN_MS = 50, BACKOFF_MAX_MS = 5000 };

struct service_link {
	struct service *s;
	char *role;
	unsigned number;
	const struct ipc_handlers *user;
	struct ipc_handlers own;
	void (*on_up)(void *ctx), (*on_down)(void *ctx);
	void *ctx;
	struct ipc *ipc;
	struct timer *retry;
	int64_t wait_ms;
	bool asked, dead, last;
};

static void ask(void *arg);

static void retry_later(struct service_link *k)
{
	if (service_draining(k->s) && !k->s->control)
		return;
	timer_set(k->retry, k->wait_ms);
	k->wait_ms = k->wait_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : k->wait_ms * 2;
}

static void lost(struct service_link *k)
{
	k->ipc = NULL;
	if (k->on_down)
		k->on_down(k->ctx);
	if (k->last)
		service_link_free(k);
	else if (!k->dead)
		retry_later(k);
}

static void link_msg(void *ctx, struct ipc *c, struct ipc_msg *m)
{
	struct service_link *k = ctx;
	k->wait_ms = BACKOFF_MIN_MS;
	k->user->on_msg(k->ctx, c, m);
}

static void link_closed(void *ctx, struct ipc *c)
{
	ipc_free(c);
	lost(ctx);
}

static void link_drained(void *ctx, struct ipc *c)
{
	struct service_link *k = ctx;
	if (k->user->on_drain)
		k->user->on_drain(k->ctx, c);
}

static void connected(void *ctx, int fd)
{
	struct service_link *k = ctx;
	k->asked = false;
	if (k->dead) {
		if (fd >= 0)
			close(fd);
		free(k->role);
		free(k);
		return;
	}
	k->ipc = fd < 0 ? NULL : ipc_new(k->s->loop, fd, &k->own, k);
	if (!k->ipc) {
		if (fd >= 0)
			close(fd);
		retry_later(k);
		return;
	}
	if (k->on_up)
		k->on_up(k->ctx);
}

static void ask(void *arg)
{
	struct service_link *k = arg;
	k->asked = true;
	service_connect(k->s, k->role, k->number, connected, k);
}

struct service_link *service_link_new(struct service *s, const char *role, unsigned number,
    const struct ipc_handlers *h, void (*on_up)(void *ctx), void (*on_down)(void *ctx), void *ctx)
{
	struct service_link *k = mem_new(struct service_link);
	*k = (struct service_link){.s = s,
	    .number = number,
	    .user = h,
	    .on_up = on_up,
	    .on_down = on_down,
	    .ctx = ctx,
	    .wait_ms = BACKOFF_MIN_MS};
	k->own = (struct ipc_handlers){link_msg, link_closed, link_drained};
	k->role = mem_strdup(role);
	k->retry = timer_new(s->loop, ask, k);
	if (!k->retry) {
		free(k->role);
		free(k);
		return NULL;
	}
	ask(k);
	return k;
}

struct ipc *service_link_ipc(struct service_link *k)
{
	return k->ipc;
}

void service_link_last(struct service_link *k)
{
	k->last = true;
}

static void dropped(void *ctx)
{
	struct service_link *k = ctx;
	if (!k->ipc)
		lost(k);
}

/*
 * on_down comes later, never inside the call: whoever finds that a send fails is in the middle of
 * starting something, which on_down would end before it has begun.
 */
void service_link_drop(struct service_link *k)
{
	if (!k->ipc)
		return;
	ipc_free(k->ipc);
	k->ipc = NULL;
	if (loop_defer(k->s->loop, dropped, k) < 0)
		lost(k);
}

void service_link_free(struct service_link *k)
{
	if (!k)
		return;
	k->dead = true;
	k->on_down = NULL;
	loop_defer_cancel(k->s->loop, dropped, k);
	ipc_free(k->ipc);
	k->ipc = NULL;
	timer_free(k->retry);
	k->retry = NULL;
	if (k->asked)
		return; /* freed when the supervisor's answer comes */
	free(k->role);
	free(k);
}
