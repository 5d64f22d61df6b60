/*
 * A process that hangs without ending: each is asked over its control channel whether its loop
 * still turns, and one that lets WATCHDOG_TURNS questions in a row pass is killed; what follows is
 * what follows any death.  Turns are counted and not seconds: a machine that was paused asks first.
 */
#include "config.h"

#include "courierd/supervisor.h"

#include <signal.h>

enum { WATCHDOG_TURNS = 4 };

static int64_t limit_ms(const struct supervisor *s)
{
	return config_int(s->config, "supervisor", "WATCHDOG", NULL) * 1000;
}

/* An administrator's own transport need not know the question; once it has answered, it does. */
static bool is_watched(const struct proc *p)
{
	bool ours = (size_t)(p->role - p->sup->roles.v) < n_builtin_roles;
	return p->used && p->pid > 0 && p->control &&
	       (p->state == PROC_STARTING || p->state == PROC_READY) && (ours || p->answers);
}

static void give_up(struct proc *p)
{
	log_error(NULL,
	    "%s %u (%d) has not answered for %lld seconds and is killed (WATCHDOG in the file "
	    "'courierd')",
	    p->role->name, p->number, (int)p->pid, (long long)limit_ms(p->sup) / 1000);
	kill(p->pid, SIGKILL);
	p->silent = 0;
}

static void look_at(struct proc *p)
{
	if (p->silent >= WATCHDOG_TURNS && is_watched(p)) {
		give_up(p);
		return;
	}
	if (p->silent++ == 0) /* one question at a time */
		(void)ipc_reply(p->control, CONTROL_PING, 0);
}

static void turn(void *ctx)
{
	struct supervisor *s = ctx;
	for (size_t i = 0; i < PROCS_MAX; i++)
		if (s->procs[i].used && s->procs[i].pid > 0 && s->procs[i].control)
			look_at(&s->procs[i]);
	timer_set(s->watchdog, limit_ms(s) / WATCHDOG_TURNS);
}

int watchdog_start(struct supervisor *s)
{
	if (!limit_ms(s))
		return 0;
	s->watchdog = timer_new(s->loop, turn, s);
	if (!s->watchdog)
		return -1;
	timer_set(s->watchdog, limit_ms(s) / WATCHDOG_TURNS);
	return 0;
}

void watchdog_heard(struct proc *p)
{
	p->answers = true;
	p->silent = 0;
}
