/*
 * courierauthpipe: accounts that a program of the administrator's knows (pipe-text.h has what is
 * said).  Each thread has a program of its own; it is started when there is something to ask, and
 * again when it has ended.  A program that does not answer in time is ended.
 */
#include "config.h"

#include "authdb/pipe-text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	ANSWER_MS = 20 * 1000, /* for an answer, and for the next line of a list */
	GOODBYE_MS = 1000,     /* to end when its input is closed */
	TERMINATE_MS = 2000,   /* ... when it is told to by SIGTERM */
	STEP_MS = 20,
};

struct program {
	struct program *next; /* all of them, for the end */
	const char *path;
	pid_t pid; /* 0: not running */
	int to, from;
	bool fresh; /* has answered nothing yet */
	struct buf in;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct program *programs;

/* ---- starting and ending --------------------------------------------------------------------- */

static bool reaped(pid_t pid, int64_t ms)
{
	for (int64_t end = clock_mono_ms() + ms;;) {
		pid_t r = waitpid(pid, NULL, WNOHANG);
		if (r == pid || (r < 0 && errno == ECHILD))
			return true;
		if (clock_mono_ms() >= end)
			return false;
		poll(NULL, 0, STEP_MS);
	}
}

/* It may have children of its own: they are in its group. */
static void end_program(struct program *p)
{
	if (!p->pid)
		return;
	close(p->to);
	close(p->from);
	if (!reaped(p->pid, GOODBYE_MS)) {
		kill(-p->pid, SIGTERM);
		if (!reaped(p->pid, TERMINATE_MS)) {
			kill(-p->pid, SIGKILL);
			(void)reaped(p->pid, TERMINATE_MS);
		}
	}
	p->pid = 0;
	mem_wipe(p->in.p, p->in.n);
	buf_clear(&p->in);
}

static int spawn_with(struct program *p, int in, int out)
{
	char *argv[] = {(char *)(uintptr_t)p->path, NULL};
	extern char **environ;
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&how);
	posix_spawnattr_setflags(
	    &how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&how, &none);
	posix_spawnattr_setsigdefault(&how, &all);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, in, 0);
	posix_spawn_file_actions_adddup2(&files, out, 1);
	posix_spawn_file_actions_addclosefrom_np(&files, 3);
	int r = posix_spawn(&p->pid, p->path, &files, &how, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&how);
	if (r)
		p->pid = 0;
	errno = r;
	return r ? -1 : 0;
}

static int start_program(struct program *p)
{
	int in[2], out[2];
	if (pipe2(in, O_CLOEXEC) < 0)
		return -1;
	if (pipe2(out, O_CLOEXEC) < 0) {
		close(in[0]);
		close(in[1]);
		return -1;
	}
	int r = spawn_with(p, in[0], out[1]), saved = errno;
	close(in[0]);
	close(out[1]);
	if (r < 0) {
		close(in[1]);
		close(out[0]);
		errno = saved;
		return -1;
	}
	p->to = in[1];
	p->from = out[0];
	p->fresh = true;
	fcntl(p->to, F_SETFL, O_NONBLOCK);
	fcntl(p->from, F_SETFL, O_NONBLOCK);
	return 0;
}

/* Before a question there is nothing to read: an end, or words that nobody asked for. */
static bool quiet(const struct program *p)
{
	struct pollfd f = {.fd = p->from, .events = POLLIN};
	return poll(&f, 1, 0) == 0 && p->in.n == 0;
}

static bool ready(struct program *p, struct authdb_job *j)
{
	if (p->pid && !quiet(p))
		end_program(p);
	if (p->pid || start_program(p) == 0)
		return true;
	authdb_down(j, "'%s' cannot be started: %s", p->path, strerror(errno));
	return false;
}

/* ---- talking --------------------------------------------------------------------------------- */

static bool wait_for(int fd, short events, int64_t end)
{
	for (;;) {
		struct pollfd f = {.fd = fd, .events = events};
		int64_t left = end - clock_mono_ms();
		int r = left > 0 ? poll(&f, 1, (int)left) : 0;
		if (r > 0)
			return true;
		if (r == 0) {
			errno = ETIMEDOUT;
			return false;
		}
		if (errno != EINTR)
			return false;
	}
}

/* SIGPIPE is ignored: services do so. */
static bool say(const struct program *p, struct str text, int64_t end)
{
	while (text.n) {
		ssize_t n = write(p->to, text.p, text.n);
		if (n >= 0)
			text = str_skip(text, (size_t)n);
		else if (errno != EINTR && (errno != EAGAIN || !wait_for(p->to, POLLOUT, end)))
			return false;
	}
	return true;
}

/* Some more of the answer; false: errno, 0 for its end. */
static bool hear(struct program *p, int64_t end)
{
	char piece[4096];
	for (;;) {
		ssize_t n = read(p->from, piece, sizeof piece);
		if (n > 0) {
			bool room = buf_add(&p->in, piece, (size_t)n);
			mem_wipe(piece, (size_t)n);
			errno = EMSGSIZE;
			return room;
		}
		if (n == 0)
			errno = 0;
		if (n == 0 || (errno != EINTR && errno != EAGAIN) ||
		    (errno == EAGAIN && !wait_for(p->from, POLLIN, end)))
			return false;
	}
}

static const char *reason(void)
{
	return errno == 0 || errno == EPIPE ? "it has ended without an answer"
	       : errno == ETIMEDOUT         ? "it has not answered in time"
	       : errno == EMSGSIZE          ? "its answer is too large"
					    : strerror(errno);
}

static bool exchange(
    struct program *p, enum authdb_frame kind, struct str request, enum pipe_answer *answer)
{
	int64_t end = clock_mono_ms() + ANSWER_MS;
	*answer = PIPE_MORE;
	if (!say(p, request, end))
		return false;
	while ((*answer = pipe_answer(kind, buf_str(&p->in))) == PIPE_MORE)
		if (!hear(p, end))
			return false;
	p->fresh = false;
	return true;
}

/* ---- questions ------------------------------------------------------------------------------- */

static bool system_uid(struct auth_account *a, struct arena *arena)
{
	struct passwd pw, *found = NULL;
	char room[16384], *name = arena_strz(arena, a->sysuser);
	if (a->uid == UINT32_MAX && name && getpwnam_r(name, &pw, room, sizeof room, &found) == 0 &&
	    found)
		a->uid = pw.pw_uid;
	return a->uid != UINT32_MAX;
}

static void judge(struct program *p, struct authdb_job *j, enum pipe_answer answer)
{
	j->verdict = answer == PIPE_NO ? AUTHDB_NO : AUTHDB_YES;
	if (answer == PIPE_YES && j->kind == AUTHDB_LOOKUP) {
		const char *why = pipe_account(buf_str(&p->in), j);
		if (!why && !system_uid(&j->a, j->arena))
			why = "its answer names a system user that is not there";
		if (why)
			authdb_fail(j, "'%s': account '%.*s': %s", p->path, STR_FMT(j->name), why);
	}
	if (answer == PIPE_BROKEN)
		authdb_fail(j, "'%s': its answer about '%.*s' is none", p->path, STR_FMT(j->name));
	mem_wipe(p->in.p, p->in.n);
	buf_clear(&p->in);
	if (answer == PIPE_BROKEN)
		end_program(p);
}

/* A program may end after each answer, or just now: one that has served before is asked anew once,
 * but for a change, which it may have made. */
static void ask(struct program *p, struct authdb_job *j, struct str request)
{
	enum pipe_answer answer;
	for (;;) {
		if (!ready(p, j))
			return;
		if (exchange(p, j->kind, request, &answer)) {
			judge(p, j, answer);
			return;
		}
		bool again = !p->fresh && (errno == 0 || errno == EPIPE) && p->in.n == 0 &&
			     j->kind != AUTHDB_CHANGE;
		if (!again)
			authdb_fail(
			    j, "'%s': account '%.*s': %s", p->path, STR_FMT(j->name), reason());
		end_program(p);
		if (!again)
			return;
	}
}

/* The lines that are there.  True: the list is over, the job has its verdict. */
static bool take_lines(struct program *p, struct authdb_job *j)
{
	ptrdiff_t end;
	struct auth_account a;
	while ((end = str_chr(buf_str(&p->in), '\n')) >= 0) {
		enum pipe_line what = pipe_listed(str_head(buf_str(&p->in), (size_t)end), &a);
		bool fits = what != PIPE_ACCOUNT || authdb_add_item(j, &a);
		if (what == PIPE_END)
			j->verdict = AUTHDB_YES;
		else if (what == PIPE_ODD || !fits)
			authdb_fail(j, "'%s': its list of accounts %s", p->path,
			    fits ? "has a line that is none" : "is too large");
		buf_cut(&p->in, (size_t)end + 1);
		if (what == PIPE_END || what == PIPE_ODD || !fits)
			return true;
	}
	return false;
}

static void list(struct program *p, struct authdb_job *j, struct str request)
{
	if (!ready(p, j))
		return;
	bool whole = say(p, request, clock_mono_ms() + ANSWER_MS);
	while (whole && !take_lines(p, j))
		whole = hear(p, clock_mono_ms() + ANSWER_MS);
	if (!whole)
		authdb_fail(j, "'%s': its list of accounts: %s", p->path, reason());
	p->fresh = false;
	if (!whole || j->verdict != AUTHDB_YES)
		end_program(p);
}

static void run(void *state, struct work_job *work)
{
	struct authdb_job *j = (struct authdb_job *)work;
	struct program *p = state;
	struct buf request;
	buf_init(&request, PIPE_ANSWER_MAX);
	j->verdict = AUTHDB_NO;
	if (pipe_request(j, &request)) {
		if (j->kind == AUTHDB_EACH)
			list(p, j, buf_str(&request));
		else
			ask(p, j, buf_str(&request));
	}
	mem_wipe(request.p, request.n);
	buf_free(&request);
}

/* ---- the role -------------------------------------------------------------------------------- */

static void *prepare(const struct rc *rc, struct arena *a, const char **why)
{
	char *path = arena_printf(a, "%s/authProg", rc->values[0]);
	if (!path)
		*why = "out of memory";
	return path;
}

static void *open_state(void *prepared)
{
	struct program *p = mem_new(struct program);
	p->path = prepared;
	buf_init(&p->in, PIPE_ANSWER_MAX);
	pthread_mutex_lock(&lock);
	p->next = programs;
	programs = p;
	pthread_mutex_unlock(&lock);
	return p;
}

/* At the very end: their pipes are about to close anyway, but one that hangs must not stay. */
static void end_all(void)
{
	for (struct program *p = programs; p; p = p->next)
		if (p->pid)
			close(p->to);
	for (struct program *p = programs; p; p = p->next)
		if (p->pid && !reaped(p->pid, GOODBYE_MS)) {
			kill(-p->pid, SIGTERM);
			if (!reaped(p->pid, GOODBYE_MS))
				kill(-p->pid, SIGKILL);
		}
}

int main(int argc, char **argv)
{
	static const struct authdb_backend backend = {.role = "authpipe",
	    .what = "the program of accounts",
	    .prepare = prepare,
	    .open = open_state,
	    .run = run};
	atexit(end_all);
	return authdb_main(&backend, argc, argv);
}
