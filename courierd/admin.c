/*
 * The supervisor's control socket, var/run/courierd: one request line, a text answer, end.  Only
 *the administrator (root, or the instance's own user) can open it (mode 0600), and is checked
 *again.
 *
 *	status          a line a process: ROLE NUMBER PID STATE RESTARTS SECONDS USER STATS
 *	                a line a port: port SERVICE ADDRESS:PORT open|closed
 *	stop | reload   for the whole instance
 *	restart PART | start PART | stop PART | reload PART       a role, or a service (parts.c)
 */
#include "config.h"

#include "courierd/supervisor.h"

#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { REQUEST_MAX = 200, ANSWER_MAX = 256 * 1024, REQUEST_MS = 10000 };

struct admin {
	struct supervisor *s;
	struct stream *stream;
	struct timer *timer; /* status waits a moment for fresh figures */
};

static void admin_free(struct admin *a)
{
	timer_free(a->timer);
	free(a);
}

static void finish(struct admin *a)
{
	stream_finish(a->stream);
	admin_free(a);
}

static const char *state_name(enum proc_state st)
{
	static const char *const names[] = {"down", "starting", "ready", "stopping"};
	return names[st];
}

static void write_status(void *arg)
{
	struct admin *a = arg;
	struct supervisor *s = a->s;
	stream_printf(a->stream, "supervisor 0 %d %s 0 %lld %s\n", (int)getpid(),
	    s->stopping ? "stopping" : "ready", (long long)(clock_now() - s->started_at),
	    s->root ? "root" : "-");
	for (size_t i = 0; i < PROCS_MAX; i++) {
		struct proc *p = &s->procs[i];
		if (!p->used)
			continue;
		int64_t age = p->pid > 0 ? (clock_mono_ms() - p->started_ms) / 1000 : 0;
		stream_printf(a->stream, "%s %u %d %s %u %lld %s %s\n", p->role->name, p->number,
		    (int)p->pid, state_name(p->state), p->restarts, (long long)age,
		    s->root ? p->role->user : "-", p->stats);
	}
	for (size_t i = 0; i < s->n_listeners; i++)
		if (s->listeners[i].network)
			stream_printf(a->stream, "port %s %s %s\n", s->listeners[i].name,
			    s->listeners[i].where, s->listeners[i].off ? "closed" : "open");
	finish(a);
}

static void ask_status(struct admin *a)
{
	for (size_t i = 0; i < PROCS_MAX; i++) {
		struct proc *p = &a->s->procs[i];
		if (p->used && p->control)
			(void)ipc_reply(p->control, CONTROL_ASK_STATS, 0);
	}
	a->timer = timer_new(a->s->loop, write_status, a);
	if (a->timer)
		timer_set(a->timer, 50);
	else
		write_status(a);
}

static void on_input(void *ctx, struct stream *st)
{
	struct admin *a = ctx;
	struct str line, verb, name;
	size_t used;
	int r = stream_line(st, REQUEST_MAX, false, &line, &used);
	if (r == 0)
		return;
	struct str rest = r == 1 ? line : STR_NONE;
	str_word(&rest, &verb);
	stream_pause(st);
	if (str_is(verb, "status")) {
		ask_status(a);
		return;
	}
	if (str_word(&rest, &name)) {
		const char *why = part_request(a->s, verb, name);
		if (why)
			stream_printf(st, "error: '%.*s': %s\n", STR_FMT(name), why);
		else
			stream_put(st, STR("ok\n"));
	} else if (str_is(verb, "stop")) {
		stream_put(st, STR("ok\n"));
		supervisor_stop(a->s);
	} else if (str_is(verb, "reload")) {
		stream_put(st, STR("ok\n"));
		supervisor_reload(a->s, NULL);
	} else {
		stream_put(st, STR("error: unknown request\n"));
	}
	finish(a);
}

static void on_close(void *ctx, struct stream *st, enum stream_end why)
{
	stream_free(st);
	admin_free(ctx);
}

static bool may(int fd)
{
	struct ucred u;
	socklen_t n = sizeof u;
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &n) == 0 &&
	       (u.uid == 0 || u.uid == geteuid());
}

static void on_accept(void *ctx, int listener, int what)
{
	static const struct stream_handlers handlers = {on_input, NULL, on_close, NULL};
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct admin *a = fd >= 0 && may(fd) ? calloc(1, sizeof *a) : NULL;
	if (!a) {
		if (fd >= 0)
			close(fd);
		return;
	}
	a->s = ctx;
	a->stream = stream_new(a->s->loop, fd, REQUEST_MAX + 2, ANSWER_MAX, &handlers, a);
	if (!a->stream) {
		close(fd);
		free(a);
		return;
	}
	stream_timer(a->stream, REQUEST_MS);
}

int admin_open(struct supervisor *s)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	if ((size_t)snprintf(un.sun_path, sizeof un.sun_path, "%s/courierd", s->instance.run) >=
	    sizeof un.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	unlink(un.sun_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t old = umask(077);
	bool bad = fd < 0 || bind(fd, (struct sockaddr *)&un, sizeof un) < 0 || listen(fd, 16) < 0;
	umask(old);
	struct watch *w = bad ? NULL : watch_new(s->loop, fd, on_accept, s);
	if (!w) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	watch_set(w, WATCH_READ);
	return 0;
}
