#include "config.h"

#include "local/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

enum { AFTERMATH_MS = 200 }; /* for output still in the pipe when the program has ended */

enum verdict program_exit(int code)
{
	static const unsigned char permanent[] = {64, 65, 67, 68, 69, 76, 77, 78, 100, 112};
	if (code == 0)
		return GO_ON;
	if (code == 99)
		return STOP;
	if (code == EX_SOFTWARE)
		return BOUNCED;
	for (size_t i = 0; i < ARRAY_LEN(permanent); i++)
		if (code == permanent[i])
			return FAILED;
	return DEFERRED;
}

struct run {
	struct program *p;
	pid_t pid;
	int out, pidfd;
	int64_t deadline;
};

/* It must not outlive a worker that is killed: the message is delivered again. */
static void limit(const struct program *p)
{
	struct rlimit memory = {p->memory, p->memory};
	struct rlimit none = {0, 0};
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || setrlimit(RLIMIT_CORE, &none) < 0 ||
	    (p->memory && setrlimit(RLIMIT_AS, &memory) < 0))
		_exit(75);
}

static void child(const struct program *p, int out)
{
	setpgid(0, 0);
	child_signals();
	limit(p);
	if (dup2(p->in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 ||
	    close_range(3, ~0U, 0) < 0)
		_exit(75);
	execve(p->argv[0], p->argv, p->env);
	_exit(75);
}

static const char *shell_of(char **env)
{
	for (; *env; env++)
		if (!strncmp(*env, "SHELL=/", 7))
			return *env + 6;
	return "/bin/sh";
}

const char *program_command(struct arena *a, const char *command, struct str maildrop)
{
	struct str rest = str_of(command), word, name = maildrop;
	ptrdiff_t slash = str_rchr(maildrop, '/');
	if (slash >= 0)
		name = str_skip(maildrop, (size_t)slash + 1);
	if (!maildrop.n || !str_word(&rest, &word) ||
	    !(str_eq(word, maildrop) || str_eq(word, name)))
		return command;
	/* The shell puts the values in, so nothing in them is read as a command. */
	return arena_printf(a, "%.*s -f \"$SENDER\" -A \"$RPLINE\" -A \"$DTLINE\" %.*s",
	    STR_FMT(word), STR_FMT(rest));
}

static int start(struct run *r)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	r->pid = fork();
	if (r->pid == 0)
		child(r->p, ends[1]);
	int saved = errno;
	if (r->pid > 0)
		setpgid(r->pid, r->pid); /* before anybody signals the group */
	close(ends[1]);
	r->out = ends[0];
	r->pidfd = r->pid < 0 ? -1 : pidfd_open(r->pid, 0);
	if (r->pid > 0 && r->pidfd >= 0 && fcntl(r->out, F_SETFL, O_NONBLOCK) == 0)
		return 0;
	if (r->pid > 0) {
		saved = errno;
		kill(r->pid, SIGKILL);
		waitpid(r->pid, NULL, 0);
	}
	if (r->pidfd >= 0)
		close(r->pidfd);
	close(r->out);
	errno = saved;
	return -1;
}

/* False at the end of the output. */
static bool take_output(struct run *r)
{
	char text[4096];
	ssize_t n;
	while ((n = read(r->out, text, sizeof text)) > 0) {
		size_t room = r->p->sink->max - r->p->sink->n;
		r->p->full = r->p->full || (size_t)n > room;
		buf_add(r->p->sink, text, (size_t)n < room ? (size_t)n : room);
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Until the program has ended; children that it leaves behind do not hold us up. */
static void watch(struct run *r)
{
	struct pollfd p[] = {{r->out, POLLIN, 0}, {r->pidfd, POLLIN, 0}};
	for (;;) {
		int64_t left = r->deadline - clock_mono_ms();
		if (left <= 0) {
			r->p->late = true;
			kill(-r->pid, SIGKILL);
			return;
		}
		if (poll(p, 2, left > 60000 ? 60000 : (int)left) < 0 && errno != EINTR)
			return;
		if (p[0].revents && !take_output(r))
			p[0].fd = -1;
		if (p[1].revents) {
			if (p[0].fd >= 0 && take_output(r) && poll(p, 1, AFTERMATH_MS) > 0)
				take_output(r);
			return;
		}
	}
}

int program_execute(struct program *p)
{
	struct run r = {.p = p, .deadline = clock_mono_ms() + (int64_t)p->seconds * 1000};
	p->status = 75 << 8;
	if (start(&r) < 0)
		return -1;
	watch(&r);
	while (waitpid(r.pid, &p->status, 0) < 0 && errno == EINTR)
		;
	close(r.pidfd);
	close(r.out);
	return 0;
}

static enum verdict judge(struct job *j, const struct program *p)
{
	int status = p->status;
	if (p->late)
		return job_verdict(j, DEFERRED, "4.3.0", "the program took too long and was ended");
	if (WIFSIGNALED(status))
		return job_verdict(
		    j, DEFERRED, "4.3.0", "the program was ended by signal %d", WTERMSIG(status));
	enum verdict v = program_exit(WEXITSTATUS(status));
	if (v == DEFERRED || v == FAILED || v == BOUNCED) {
		if (!j->text.n)
			buf_addf(
			    &j->text, "the program ended with exit status %d", WEXITSTATUS(status));
		memcpy(j->status, v == DEFERRED ? "4.3.0" : "5.3.0", 6);
	}
	return v;
}

enum verdict program_run(struct job *j, const char *command, struct buf *output)
{
	char **env = job_environment(j);
	const char *line = program_command(j->a, command, j->d->maildrop);
	struct program p = {.env = env,
	    .in = message_stdin(&j->msg),
	    .seconds = j->d->program_seconds,
	    .memory = j->d->program_memory,
	    .sink = output ? output : &j->text};
	char *argv[] = {env ? (char *)(uintptr_t)shell_of(env) : NULL, (char *)(uintptr_t) "-c",
	    (char *)(uintptr_t)line, NULL};
	p.argv = argv;
	if (p.in < 0 || !env || !line || program_execute(&p) < 0)
		return job_errno(j, "cannot run", command);
	if (p.full && output)
		return job_verdict(j, DEFERRED, "4.3.5", "the program's instructions are too long");
	return judge(j, &p);
}
