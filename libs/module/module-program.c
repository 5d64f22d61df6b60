#include "config.h"

#include "module/module-program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_MISSING = 127, EXIT_NO_START = 126, CPU_SPARE_S = 5 };

struct program {
	struct loop *loop;
	pid_t pid;
	int out, pidfd;
	struct watch *on_out, *on_end;
	struct timer *late;
	struct buf text;
	struct program_result result;
	program_done cb;
	void *ctx;
};

static void limit(int what, rlim_t n)
{
	struct rlimit r = {n, n};
	(void)setrlimit((__rlimit_resource_t)what, &r);
}

static void confine(const struct program_spec *s)
{
	limit(RLIMIT_CORE, 0);
	if (!s->memory_max)
		return;
	limit(RLIMIT_AS, s->memory_max);
	limit(RLIMIT_FSIZE, s->file_max);
	limit(RLIMIT_CPU, (rlim_t)(s->time_ms / 1000 + CPU_SPARE_S));
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static _Noreturn void child(const struct program_spec *s, int out)
{
	setpgid(0, 0);
	child_signals();
	int in = s->in >= 0 ? s->in : open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (in < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 ||
	    close_range(3, ~0U, 0) < 0 || (s->folder && chdir(s->folder) < 0))
		_exit(EXIT_NO_START);
	confine(s);
	/* execvpe takes char *const*: it changes nothing of them */
	execvpe(s->argv[0], (char *const *)(uintptr_t)s->argv, (char *const *)(uintptr_t)s->env);
	_exit(errno == ENOENT || errno == ENOTDIR ? EXIT_MISSING : EXIT_NO_START);
}

static void take_output(struct program *p)
{
	char chunk[4096];
	ssize_t n;
	while ((n = read(p->out, chunk, sizeof chunk)) > 0) {
		size_t room = p->text.max - p->text.n;
		buf_add(&p->text, chunk, (size_t)n < room ? (size_t)n : room);
	}
	if (n == 0)
		watch_set(p->on_out, 0);
}

static void on_output(void *ctx, int fd UNUSED, int what UNUSED)
{
	take_output(ctx);
}

static void release(struct program *p)
{
	watch_free(p->on_out);
	watch_free(p->on_end);
	timer_free(p->late);
	if (p->out >= 0)
		close(p->out);
	if (p->pidfd >= 0)
		close(p->pidfd);
	buf_free(&p->text);
	free(p);
}

static void end(struct program *p)
{
	p->result.output = buf_str(&p->text);
	p->cb(p->ctx, &p->result);
	release(p);
}

/* The child has ended, so this does not wait. */
static void on_end(void *ctx, int fd UNUSED, int what UNUSED)
{
	struct program *p = ctx;
	int status = 0;
	kill(-p->pid, SIGKILL); /* what it has left behind; the number is still its own */
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	take_output(p);
	if (p->result.end != PROGRAM_LATE) {
		bool killed = WIFSIGNALED(status);
		int code = killed ? WTERMSIG(status) : WEXITSTATUS(status);
		p->result.end = killed                  ? PROGRAM_KILLED
				: code == EXIT_MISSING  ? PROGRAM_MISSING
				: code == EXIT_NO_START ? PROGRAM_FAILED
							: PROGRAM_EXITED;
		p->result.code = code;
	}
	end(p);
}

static void on_late(void *ctx)
{
	struct program *p = ctx;
	p->result.end = PROGRAM_LATE;
	kill(-p->pid, SIGKILL);
	kill(p->pid, SIGKILL);
}

static void not_started(void *ctx)
{
	end(ctx);
}

static int begin(struct program *p, const struct program_spec *s)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	p->out = ends[0];
	p->pid = fork();
	if (p->pid == 0)
		child(s, ends[1]);
	int e = errno;
	close(ends[1]);
	errno = e;
	if (p->pid < 0 || fcntl(p->out, F_SETFL, O_NONBLOCK) < 0)
		return -1;
	p->pidfd = pidfd_open(p->pid, 0);
	p->on_out = watch_new(p->loop, p->out, on_output, p);
	p->on_end = p->pidfd < 0 ? NULL : watch_new(p->loop, p->pidfd, on_end, p);
	p->late = timer_new(p->loop, on_late, p);
	if (!p->on_out || !p->on_end || !p->late)
		return -1;
	watch_set(p->on_out, WATCH_READ);
	watch_set(p->on_end, WATCH_READ);
	timer_set(p->late, s->time_ms);
	return 0;
}

struct program *program_start(
    struct loop *l, const struct program_spec *s, program_done cb, void *ctx)
{
	struct program *p = mem_new(struct program);
	p->loop = l;
	p->out = p->pidfd = -1;
	p->cb = cb;
	p->ctx = ctx;
	buf_init(&p->text, s->output_max);
	if (begin(p, s) == 0)
		return p;
	p->result = (struct program_result){.end = PROGRAM_FAILED, .code = errno};
	if (p->pid > 0) {
		kill(p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
	}
	if (loop_defer(l, not_started, p) == 0)
		return p;
	release(p);
	return NULL;
}

static struct str last_words(struct str output)
{
	struct str line, last = STR_NONE;
	while (str_split(&output, '\n', &line)) {
		line = str_trim(line);
		if (line.n)
			last = line;
	}
	return str_head(last, 500);
}

void program_explain(const struct program_result *r, const char *name, struct buf *out)
{
	struct str words = last_words(r->output);
	switch (r->end) {
	case PROGRAM_EXITED:
		buf_addf(out, "'%s' ended with exit status %d", name, r->code);
		break;
	case PROGRAM_KILLED:
		buf_addf(out, "'%s' was ended by signal %d", name, r->code);
		break;
	case PROGRAM_LATE:
		buf_addf(out, "'%s' took too long and was ended", name);
		break;
	case PROGRAM_MISSING:
		buf_addf(out, "there is no program '%s' on this mail system", name);
		break;
	case PROGRAM_FAILED:
		buf_addf(out, "'%s' could not be started", name);
		break;
	}
	if (words.n) {
		buf_addz(out, ": ");
		printable(words, words.n * 4, out);
	}
}
