#include "config.h"

#include "courierd/broker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
	struct broker *b;
	pid_t pid;
	enum child_kind kind;
	char *account, *home;
	int report; /* -1: it runs */
	struct watch *watch;
	child_started started;
	void *ctx;
	bool gone; /* reaped before its report was read */
};

static struct str pid_key(const pid_t *pid)
{
	return str_at(pid, sizeof *pid);
}

static void count_account(struct broker *b, struct str name, int by)
{
	size_t n = (size_t)(uintptr_t)map_get(b->per_account, name) + (size_t)by;
	if (n)
		map_set(b->per_account, name, (void *)(uintptr_t)n);
	else
		map_del(b->per_account, name);
}

static void child_free(struct child *c)
{
	watch_free(c->watch);
	if (c->report >= 0)
		close(c->report);
	free(c->account);
	free(c->home);
	free(c);
}

static void on_report(void *ctx, int fd, int what)
{
	struct child *c = ctx;
	struct spawn_report r = {0};
	struct buf why;
	ssize_t n = read(fd, &r, sizeof r);
	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	buf_init(&why, 1024);
	if (n == (ssize_t)sizeof r)
		spawn_explain(&r, c->home, &why);
	else if (n != 0)
		buf_addz(&why, "the program could not be started");
	if (why.n)
		log_error(&(struct log_ctx){"account", c->account}, "%s", why.p);
	watch_free(c->watch);
	c->watch = NULL;
	close(c->report);
	c->report = -1;
	if (c->started)
		c->started(c->ctx, buf_str(&why));
	buf_free(&why);
	if (c->gone)
		child_free(c);
}

static const char *over_limit(struct broker *b, enum child_kind kind, const struct owner *o)
{
	if (kind == CHILD_WORKER)
		return b->count[kind] < b->limits.workers
			   ? NULL
			   : "too many delivery workers (MAXWORKERS)";
	if (b->count[kind] >= b->limits.sessions)
		return "too many sessions (MAXSESSIONS)";
	if ((size_t)(uintptr_t)map_get(b->per_account, str_of(o->name)) >= b->limits.per_account)
		return "too many sessions of this account (MAXPERACCOUNT)";
	return NULL;
}

int child_start(struct broker *b, enum child_kind kind, const struct owner *o,
    const struct spawn *s, child_started started, void *ctx, struct buf *why)
{
	const char *limit = over_limit(b, kind, o);
	if (limit) {
		log_warning(&(struct log_ctx){"account", o->name}, "%s", limit);
		buf_addz(why, limit);
		return -1;
	}
	struct child *c = mem_new(struct child);
	*c = (struct child){.b = b, .kind = kind, .report = -1, .started = started, .ctx = ctx};
	c->account = mem_strdup(o->name);
	c->home = mem_strdup(s->home ? s->home : "/");
	c->pid = spawn_child(s, &c->report);
	if (c->pid < 0) {
		buf_addf(why, "cannot start a process: %s", strerror(errno));
		log_error(&(struct log_ctx){"account", o->name}, "%s", why->p);
		child_free(c);
		return -1;
	}
	map_set(b->children, pid_key(&c->pid), c);
	b->count[kind]++;
	if (kind == CHILD_SESSION)
		count_account(b, str_of(c->account), 1);
	c->watch = watch_new(service_loop(b->service), c->report, on_report, c);
	if (c->watch)
		watch_set(c->watch, WATCH_READ);
	return 0;
}

static void gone(struct broker *b, pid_t pid, int status)
{
	struct child *c = map_del(b->children, pid_key(&pid));
	if (!c) {
		home_reaped(b, pid, status);
		return;
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGTERM && WTERMSIG(status) != SIGKILL)
		log_error(&(struct log_ctx){"account", c->account}, "%s %ld was ended by signal %d",
		    c->kind == CHILD_SESSION ? "session" : "delivery worker", (long)pid,
		    WTERMSIG(status));
	b->count[c->kind]--;
	if (c->kind == CHILD_SESSION)
		count_account(b, str_of(c->account), -1);
	c->gone = true;
	if (c->report < 0) /* else on_report frees it */
		child_free(c);
}

void children_reap(struct broker *b)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		gone(b, pid, status);
}

void children_signal(struct broker *b, enum child_kind kind, int signo)
{
	size_t at = 0;
	struct str key;
	void *value;
	while (map_next(b->children, &at, &key, &value)) {
		struct child *c = value;
		if (c->kind == kind)
			kill(c->pid, signo);
	}
}

size_t children_count(const struct broker *b, enum child_kind kind)
{
	return b->count[kind];
}
