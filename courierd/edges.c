/*
 * Introductions.  A role asks for an edge to another; when the table allows it, both get one end of
 * a socketpair.  While the other is down the request waits; it is answered when that comes up.
 */
#include "config.h"

#include "courierd/supervisor.h"

#include <unistd.h>

enum { REFUSALS_TOLD_MS = 60 * 1000 };

static struct proc *pick(struct supervisor *s, const struct role *to, unsigned number)
{
	unsigned n = 0, skip;
	for (size_t i = 0; i < PROCS_MAX; i++) {
		struct proc *p = &s->procs[i];
		if (!p->used || p->role != to || !p->control || p->state == PROC_STOPPING)
			continue;
		if (number == p->number)
			return p;
		n++;
	}
	if (number != SERVICE_ANY || n == 0)
		return NULL;
	skip = s->spread++ % n;
	for (size_t i = 0; i < PROCS_MAX; i++) {
		struct proc *p = &s->procs[i];
		if (p->used && p->role == to && p->control && p->state != PROC_STOPPING &&
		    skip-- == 0)
			return p;
	}
	return NULL;
}

static void answer(struct proc *from, uint32_t id, int fd)
{
	ipc_compose(from->control, CONTROL_CONNECTED, id);
	(void)ipc_send(from->control, fd);
}

static bool introduce(struct proc *from, uint32_t id, struct proc *to)
{
	int fds[2];
	if (ipc_pair(fds) < 0) {
		log_error(NULL, "cannot connect %s with %s: %m", from->role->name, to->role->name);
		return false;
	}
	ipc_compose(to->control, CONTROL_EDGE, 0);
	ipc_put_z(to->control, from->role->name);
	ipc_put_u32(to->control, from->number);
	/* One that is about to end takes nothing more: the asker waits for the next. */
	bool taken = ipc_send(to->control, fds[1]) == 0;
	if (taken)
		answer(from, id, fds[0]);
	close(fds[0]);
	close(fds[1]);
	return taken;
}

/* Who is refused asks again every few seconds: a module file may have come since the start. */
static void not_allowed(struct proc *from, struct str role, bool known)
{
	static int64_t told_ms;
	int64_t now = clock_mono_ms();
	if (told_ms && now - told_ms < REFUSALS_TOLD_MS)
		return;
	told_ms = now;
	if (known)
		log_error(NULL, "%s asks for an edge to '%.*s', which its role does not allow",
		    from->role->name, STR_FMT(role));
	else
		log_warning(NULL,
		    "%s looks for '%.*s', which is not running; a new module file takes part after "
		    "courier restart",
		    from->role->name, STR_FMT(role));
}

void edge_asked(struct proc *from, uint32_t id, struct str role, uint32_t number)
{
	struct supervisor *s = from->sup;
	const struct role *to = roles_find(&s->roles, role);
	if (!to || !role_may_ask(from->role, to)) {
		not_allowed(from, role, to != NULL);
		answer(from, id, -1);
		return;
	}
	if (!role_wanted(s, to)) {
		answer(from, id, -1);
		return;
	}
	struct proc *p = pick(s, to, number);
	if (p && introduce(from, id, p))
		return;
	for (size_t i = 0; i < WAITING_EDGES_MAX; i++) {
		if (s->waiting[i].from)
			continue;
		s->waiting[i] = (struct waiting_edge){from, id, to, number};
		return;
	}
	log_error(NULL, "too many processes wait for edges; %s is refused one", from->role->name);
	answer(from, id, -1);
}

void edges_retry(struct supervisor *s, const struct role *now_up)
{
	for (size_t i = 0; i < WAITING_EDGES_MAX; i++) {
		struct waiting_edge w = s->waiting[i];
		struct proc *p = w.from && w.to == now_up ? pick(s, w.to, w.number) : NULL;
		if (p && introduce(w.from, w.id, p))
			s->waiting[i].from = NULL;
	}
}

void edges_forget(struct supervisor *s, const struct proc *gone)
{
	for (size_t i = 0; i < WAITING_EDGES_MAX; i++)
		if (s->waiting[i].from == gone)
			s->waiting[i].from = NULL;
}
