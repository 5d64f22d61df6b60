#include "config.h"

#include "base/child-run.h"
#include "base/base.h"
#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { AFTERMATH_MS = 200, WAIT_MS = 60000 }; /* for output still in a pipe at the program's end */
enum { OUT, ERR, STREAMS };

struct running {
	struct child_run *r;
	pid_t pid;
	int pidfd;
	int read_end[STREAMS], write_end[STREAMS]; /* -1: none */
};

/* It must not outlive us: what it was to do is done again. */
static void limit(const struct child_run *r)
{
	struct rlimit memory = {r->memory, r->memory};
	struct rlimit none = {0, 0};
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || setrlimit(RLIMIT_CORE, &none) < 0 ||
	    (r->memory && setrlimit(RLIMIT_AS, &memory) < 0))
		_exit(75);
}

static _Noreturn void child(const struct running *x)
{
	const struct child_run *r = x->r;
	int out = x->write_end[OUT], err = r->err == r->out ? out : x->write_end[ERR];
	setpgid(0, 0);
	child_signals();
	limit(r);
	if (dup2(r->in, 0) < 0 || (out >= 0 && dup2(out, 1) < 0) ||
	    (err >= 0 && dup2(err, 2) < 0) || close_range(3, ~0U, 0) < 0)
		_exit(75);
	if (r->search)
		execvpe(r->argv[0], r->argv, r->env);
	else
		execve(r->argv[0], r->argv, r->env);
	_exit(!r->search ? 75 : errno == ENOENT ? 127 : 126);
}

static void close_all(int fd[STREAMS])
{
	int saved = errno;
	for (int i = 0; i < STREAMS; i++) {
		if (fd[i] >= 0)
			close(fd[i]);
		fd[i] = -1;
	}
	errno = saved;
}

static int open_pipe(struct running *x, int i)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	x->read_end[i] = ends[0];
	x->write_end[i] = ends[1];
	return fcntl(ends[0], F_SETFL, O_NONBLOCK);
}

static int open_pipes(struct running *x)
{
	if (x->r->out && open_pipe(x, OUT) < 0)
		return -1;
	return x->r->err && x->r->err != x->r->out ? open_pipe(x, ERR) : 0;
}

static int start(struct running *x)
{
	if (open_pipes(x) < 0)
		return -1;
	x->pid = fork();
	if (x->pid == 0)
		child(x);
	if (x->pid > 0)
		setpgid(x->pid, x->pid); /* before anybody signals the group */
	x->pidfd = x->pid < 0 ? -1 : pidfd_open(x->pid, 0);
	if (x->pidfd >= 0)
		return 0;
	int saved = errno;
	if (x->pid > 0) {
		kill(x->pid, SIGKILL);
		waitpid(x->pid, NULL, 0);
	}
	errno = saved;
	return -1;
}

/* Closes what has ended. */
static void take_output(struct running *x, int i)
{
	char text[16384];
	struct buf *to = i == OUT ? x->r->out : x->r->err;
	ssize_t n;
	while ((n = read(x->read_end[i], text, sizeof text)) > 0) {
		size_t room = to->max - to->n;
		if ((size_t)n > room && i == OUT && x->r->overflow &&
		    x->r->overflow(x->r->ctx, to) == 0)
			room = to->max - to->n;
		x->r->full = x->r->full || (size_t)n > room;
		if (!buf_add(to, text, (size_t)n < room ? (size_t)n : room))
			x->r->full = true;
		if (x->r->full && x->r->to_end)
			return;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	close(x->read_end[i]);
	x->read_end[i] = -1;
}

static void take_all(struct running *x, struct pollfd p[STREAMS])
{
	for (int i = 0; i < STREAMS; i++)
		if (x->read_end[i] >= 0 && p[i].revents)
			take_output(x, i);
}

/* Milliseconds to wait; 0: the time is over. */
static int time_left(const struct running *x)
{
	int64_t left = x->r->deadline ? x->r->deadline - clock_mono_ms() : WAIT_MS;
	return left <= 0 ? 0 : left > WAIT_MS ? WAIT_MS : (int)left;
}

static void end_it(struct running *x)
{
	kill(-x->pid, SIGKILL);
	kill(x->pid, SIGKILL); /* perhaps it has left the group */
}

/* Until the program has ended (and with to_end, whoever writes for it). */
static void watch(struct running *x)
{
	bool ended = false;
	for (;;) {
		struct pollfd p[] = {{x->read_end[OUT], POLLIN, 0}, {x->read_end[ERR], POLLIN, 0},
		    {ended ? -1 : x->pidfd, POLLIN, 0}};
		int left = time_left(x);
		x->r->late = left == 0;
		if (x->r->late || (x->r->full && x->r->to_end)) {
			end_it(x);
			return;
		}
		if (poll(p, ARRAY_LEN(p), left) < 0) {
			if (errno == EINTR)
				continue;
			return;
		}
		take_all(x, p);
		ended = ended || p[STREAMS].revents;
		if (ended && !(x->r->to_end && x->read_end[OUT] >= 0))
			return;
	}
}

static void take_rest(struct running *x)
{
	struct pollfd p[] = {{x->read_end[OUT], POLLIN, 0}, {x->read_end[ERR], POLLIN, 0}};
	bool open = x->read_end[OUT] >= 0 || x->read_end[ERR] >= 0;
	if (open && !x->r->late && poll(p, ARRAY_LEN(p), AFTERMATH_MS) > 0)
		take_all(x, p);
}

int child_run(struct child_run *r)
{
	struct running x = {
	    .r = r, .pid = -1, .pidfd = -1, .read_end = {-1, -1}, .write_end = {-1, -1}};
	r->status = 75 << 8;
	r->late = r->full = false;
	int started = start(&x);
	close_all(x.write_end);
	if (started == 0) {
		if (r->group)
			r->group(x.pid);
		watch(&x);
		take_rest(&x);
		while (waitpid(x.pid, &r->status, 0) < 0 && errno == EINTR)
			;
		if (r->group)
			r->group(0);
	}
	close_all(x.read_end);
	if (x.pidfd >= 0)
		close(x.pidfd);
	return started;
}
