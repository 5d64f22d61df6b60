/* Starting, watching, stopping and restarting of one process. */
#include "config.h"

#include "courierd/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	BACKOFF_MIN_MS = 100,
	BACKOFF_MAX_MS = 30000,
	STEADY_MS = 60000, /* after this long the back-off starts again from its least */
	START_TRIES = 3,   /* deaths of one process that make a start fail */
	KILL_AFTER_GRACE_MS = 3000,
	OLD_SESSIONS_MS = 24 * 3600 * 1000, /* of a front that has been replaced */
};

static const struct ipc_handlers control_handlers;

static struct proc *free_slot(struct supervisor *s)
{
	for (size_t i = 0; i < PROCS_MAX; i++)
		if (!s->procs[i].used)
			return &s->procs[i];
	return NULL;
}

static char **child_environment(struct supervisor *s)
{
	static char *env[8];
	size_t n = 0;
	env[n++] = mem_strdup("PATH=/usr/local/bin:/usr/bin:/bin");
	env[n++] = mem_strdup("TZ=UTC0");
	if (s->instance.home)
		env[n++] = mem_printf("COURIER_HOME=%s", s->instance.home);
	static const char *const passed[] = {
	    "COURIER_DUMPABLE", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LD_PRELOAD"};
	for (size_t i = 0; i < ARRAY_LEN(passed) && !s->root; i++) {
		const char *v = getenv(passed[i]); /* tests of an unprivileged instance */
		if (v)
			env[n++] = mem_printf("%s=%s", passed[i], v);
	}
	env[n] = NULL;
	return env;
}

static _Noreturn void child(struct proc *p, int control)
{
	static char *argv[2];
	char **env = child_environment(p->sup);
	char *path = p->role->program[0] == '/' ? mem_strdup(p->role->program)
						: instance_path(LIBEXECDIR, p->role->program);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (control == CONTROL_FD)
		fcntl(control, F_SETFD, 0);
	else if (dup2(control, CONTROL_FD) < 0)
		_exit(126);
	/* room for the title */
	argv[0] = mem_printf("%-120s", path);
	argv[0][strcspn(argv[0], " ")] = ' ';
	execve(path, argv, env);
	log_error(NULL, "cannot run '%s': %m", path);
	_exit(127);
}

static void send_init(struct proc *p)
{
	struct supervisor *s = p->sup;
	uint8_t flags = 0;
	if (p->role->flags & ROLE_CHROOT)
		flags |= CONTROL_CHROOT;
	if (p->role->flags & ROLE_ROOT)
		flags |= CONTROL_KEEP_PRIVS;
	if (p->role->flags & ROLE_MAY_GAIN)
		flags |= CONTROL_MAY_GAIN;
	if (s->syslog)
		flags |= CONTROL_SYSLOG;
	if (config_bool(s->config, "supervisor", "DEBUG", NULL))
		flags |= CONTROL_DEBUG;
	ipc_compose(p->control, CONTROL_INIT, 0);
	ipc_put_z(p->control, p->role->name);
	ipc_put_u32(p->control, p->number);
	ipc_put_z(p->control, p->role->user);
	ipc_put_z(p->control, role_group(p->role));
	ipc_put_u8(p->control, flags);
	char *jail = p->role->jail ? instance_path(s->instance.var, p->role->jail) : NULL;
	ipc_put_z(p->control, jail ? jail : s->empty_dir);
	(void)ipc_send(p->control, -1);
	free(jail);
}

int proc_send_listener(struct proc *p, const struct listener *l)
{
	ipc_compose(p->control, CONTROL_LISTENER, 0);
	ipc_put_z(p->control, l->name);
	ipc_put_z(p->control, l->where);
	return ipc_send(p->control, l->fd);
}

static void send_listeners(struct proc *p)
{
	for (size_t i = 0; i < p->sup->n_listeners; i++) {
		const struct listener *l = &p->sup->listeners[i];
		if (l->role == p->role && !l->off)
			(void)proc_send_listener(p, l);
	}
	(void)ipc_reply(p->control, CONTROL_START, 0);
}

static void restart_later(struct proc *p)
{
	if (p->timer)
		timer_set(p->timer, p->backoff_ms);
	p->backoff_ms = p->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : p->backoff_ms * 2;
}

int proc_spawn(struct proc *p)
{
	int fds[2];
	if (ipc_pair(fds) < 0) {
		log_error(NULL, "cannot start %s: %m", p->role->name);
		restart_later(p);
		return -1;
	}
	pid_t pid = fork();
	if (pid == 0)
		child(p, fds[1]);
	close(fds[1]);
	p->control = pid < 0 ? NULL : ipc_new(p->sup->loop, fds[0], &control_handlers, p);
	if (!p->control) {
		log_error(NULL, "cannot start %s: %m", p->role->name);
		close(fds[0]);
		restart_later(p);
		return -1;
	}
	p->pid = pid;
	p->state = PROC_STARTING;
	p->started_ms = clock_mono_ms();
	p->again = true;
	p->silent = 0;
	p->answers = false;
	send_init(p);
	send_listeners(p);
	edges_retry(p->sup, p->role);
	return 0;
}

static void on_timer(void *arg)
{
	struct proc *p = arg;
	if (p->state == PROC_DOWN && !p->sup->stopping) {
		proc_spawn(p);
	} else if (p->pid > 0 && (p->state == PROC_STOPPING || !p->control)) {
		log_warning(
		    NULL, "%s (%d) does not end in time; killing it", p->role->name, (int)p->pid);
		kill(p->pid, SIGKILL);
	}
}

static struct proc *add(struct supervisor *s, const struct role *r, unsigned number)
{
	struct proc *p = free_slot(s);
	if (!p) {
		log_error(NULL, "more than %d processes; %s is left out", PROCS_MAX, r->name);
		return NULL;
	}
	*p = (struct proc){
	    .sup = s, .role = r, .number = number, .used = true, .backoff_ms = BACKOFF_MIN_MS};
	p->timer = timer_new(s->loop, on_timer, p);
	if (!p->timer) {
		p->used = false;
		return NULL;
	}
	return p;
}

int proc_start_role(struct supervisor *s, const struct role *r)
{
	int64_t n = r->count ? config_int(s->config, "supervisor", r->count, NULL) : 1;
	if (!role_wanted(s, r))
		return 0;
	for (int64_t i = 0; i < n; i++) {
		struct proc *p = add(s, r, (unsigned)i);
		if (!p || proc_spawn(p) < 0)
			return -1;
	}
	return 0;
}

int proc_start_all(struct supervisor *s)
{
	for (size_t i = 0; i < s->roles.n; i++)
		if (proc_start_role(s, &s->roles.v[i]) < 0)
			return -1;
	return 0;
}

static void release(struct proc *p)
{
	timer_free(p->timer);
	p->used = false;
}

static void ask_to_end(struct proc *p, uint32_t how, int64_t grace_ms, const char *listener)
{
	ipc_compose(p->control, how, 0);
	ipc_put_u32(p->control, (uint32_t)grace_ms);
	if (how == CONTROL_RETIRE)
		ipc_put_z(p->control, listener ? listener : "");
	(void)ipc_send(p->control, -1);
	timer_set(p->timer, grace_ms + KILL_AFTER_GRACE_MS);
}

/* Asks it to finish; again: a new one takes its place at once (jailed roles that need new
 * settings). */
void proc_stop(struct proc *p, int64_t grace_ms, bool again)
{
	if (!p->used)
		return;
	p->again = again; /* the last word counts */
	if (p->state == PROC_STOPPING && !p->retired)
		return;
	if (p->state == PROC_DOWN) { /* it waits for its next try */
		p->backoff_ms = BACKOFF_MIN_MS;
		timer_clear(p->timer);
		if (again)
			(void)proc_spawn(p);
		else
			release(p);
		return;
	}
	p->state = PROC_STOPPING;
	if (p->control)
		ask_to_end(p, CONTROL_STOP, grace_ms, NULL);
	else
		kill(p->pid, SIGKILL);
}

void proc_replace(struct proc *p, const char *listener)
{
	struct proc *fresh = p->state == PROC_READY ? add(p->sup, p->role, p->number) : NULL;
	if (!fresh) {
		proc_stop(p, 10000, true);
		return;
	}
	p->retired = true;
	p->again = false;
	p->state = PROC_STOPPING;
	ask_to_end(p, CONTROL_RETIRE, OLD_SESSIONS_MS, listener);
	(void)proc_spawn(fresh);
}

static const char *how_it_ended(int status, char out[64])
{
	if (WIFSIGNALED(status))
		snprintf(out, 64, "died of signal %d", WTERMSIG(status));
	else
		snprintf(out, 64, "ended with status %d", WEXITSTATUS(status));
	return out;
}

static void gone(struct proc *p, int status)
{
	char how[64];
	struct supervisor *s = p->sup;
	bool asked = p->state == PROC_STOPPING;
	ipc_free(p->control);
	p->control = NULL;
	p->pid = 0;
	p->state = PROC_DOWN;
	p->stats[0] = 0;
	edges_forget(s, p);
	timer_clear(p->timer);
	if (!asked)
		log_error(NULL, "%s %u %s", p->role->name, p->number, how_it_ended(status, how));
	if (s->stopping || p->retired || (asked && !p->again)) {
		release(p);
		return;
	}
	if (clock_mono_ms() - p->started_ms > STEADY_MS || asked)
		p->backoff_ms = BACKOFF_MIN_MS;
	p->restarts += !asked;
	if (s->ready_fd >= 0 && p->restarts >= START_TRIES) {
		char why[160];
		snprintf(why, sizeof why, "%s does not start (%s); the log tells why",
		    p->role->name, how_it_ended(status, how));
		supervisor_give_up(s, why);
		return;
	}
	if (asked)
		proc_spawn(p);
	else
		restart_later(p);
}

void proc_reap(struct supervisor *s)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < PROCS_MAX; i++)
			if (s->procs[i].used && s->procs[i].pid == pid)
				gone(&s->procs[i], status);
	if (s->stopping)
		supervisor_stop_step(s);
}

unsigned proc_alive(const struct supervisor *s, unsigned stage)
{
	unsigned n = 0;
	for (size_t i = 0; i < PROCS_MAX; i++)
		n += s->procs[i].used && s->procs[i].pid > 0 && s->procs[i].role->stage == stage;
	return n;
}

static void on_connect(struct proc *p, struct ipc_msg *m)
{
	struct ipc_reader r;
	ipc_read(m, &r);
	struct str role = ipc_get_str(&r);
	uint32_t number = ipc_get_u32(&r);
	if (ipc_done(&r))
		edge_asked(p, m->id, role, number);
}

static void on_stats(struct proc *p, struct ipc_msg *m)
{
	size_t n = 0;
	for (size_t i = 0; i < m->body.n && n + 1 < sizeof p->stats; i++)
		p->stats[n++] = (unsigned char)m->body.p[i] < 0x20 ? ' ' : m->body.p[i];
	p->stats[n] = 0;
}

static void on_msg(void *ctx, struct ipc *c, struct ipc_msg *m)
{
	struct proc *p = ctx;
	switch (m->type) {
	case CONTROL_READY:
		if (p->state == PROC_STARTING)
			p->state = PROC_READY;
		supervisor_check_ready(p->sup);
		break;
	case CONTROL_CONNECT:
		on_connect(p, m);
		break;
	case CONTROL_STATS:
		on_stats(p, m);
		break;
	case CONTROL_PONG:
		watchdog_heard(p);
		break;
	case CONTROL_RESTART_ME:
		proc_stop(
		    p, config_int(p->sup->config, "supervisor", "STOP_TIME", NULL) * 1000, true);
		break;
	default:
		log_error(NULL, "%s sends a frame of unknown type %u", p->role->name, m->type);
	}
}

/* The channel closes when the process ends (SIGCHLD follows), or when it has lost its mind. */
static void on_close(void *ctx, struct ipc *c)
{
	struct proc *p = ctx;
	ipc_free(c);
	p->control = NULL;
	edges_forget(p->sup, p);
	if (p->pid > 0 && p->state != PROC_STOPPING && timer_armed(p->timer) == false)
		timer_set(p->timer, KILL_AFTER_GRACE_MS);
}

static const struct ipc_handlers control_handlers = {on_msg, on_close, NULL};
