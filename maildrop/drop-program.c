#include "config.h"

#include "maildrop/drop.h"
#include "maildir/mbox-lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

/* A file of the message at its start.  The child shares the position: it tells what was read. */
static int message_file(struct filter_run *r)
{
	struct filter_message m = filter_message_of(r);
	int fd = memfd_create("message", MFD_CLOEXEC);
	if (fd >= 0 && file_write_all(fd, m.extra.p, m.extra.n) == 0 &&
	    file_write_all(fd, m.bytes.p, m.bytes.n) == 0 && lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void child(char **argv, char **env, int in, int out)
{
	struct itimerval none = {0};
	setpgid(0, 0);
	setitimer(ITIMER_REAL, &none, NULL);
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	if (dup2(in, 0) < 0 || (out >= 0 && dup2(out, 1) < 0) || close_range(3, ~0U, 0) < 0)
		_exit(75);
	execvpe(argv[0], argv, env);
	_exit(errno == ENOENT ? 127 : 126);
}

static int read_output(int fd, struct buf *out)
{
	for (;;) {
		char *p = buf_reserve(out, 65536);
		if (!p) {
			errno = EFBIG;
			return -1;
		}
		ssize_t n = read(fd, p, 65536);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -1;
		out->n += n > 0 ? (size_t)n : 0;
		out->p[out->n] = 0;
	}
}

/* 0, or -1 with errno; *status is as of waitpid. */
static int run(char **argv, char **env, int in, struct buf *output, int *status)
{
	int ends[2] = {-1, -1}, r = 0;
	if (output && pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0)
		child(argv, env, in, ends[1]);
	if (pid > 0) {
		setpgid(pid, pid); /* whoever of the two comes first */
		lock_guard_group(pid);
	}
	if (ends[1] >= 0)
		close(ends[1]);
	if (pid < 0)
		r = -1;
	else if (output)
		r = read_output(ends[0], output);
	int saved = errno;
	if (ends[0] >= 0)
		close(ends[0]);
	if (pid > 0 && r < 0)
		kill(pid, SIGKILL);
	while (pid > 0 && waitpid(pid, status, 0) < 0 && errno == EINTR)
		;
	lock_guard_group(0);
	errno = saved;
	return r;
}

/* in: closed here. */
static int carry_out(struct filter_run *r, char **argv, int in, struct buf *output, int *status)
{
	int wait_status = 0;
	char **env = filter_environ(r);
	int done = in < 0 ? -1 : run(argv, env, in, output, &wait_status);
	int saved = errno;
	filter_environ_free(env);
	errno = saved;
	if (done < 0)
		return filter_fail(r, "cannot run \"%s\": %s", argv[0], strerror(errno));
	if (WIFSIGNALED(wait_status))
		return filter_fail(
		    r, "\"%s\" was ended by signal %d", argv[0], WTERMSIG(wait_status));
	*status = WEXITSTATUS(wait_status);
	return 0;
}

int drop_program(struct filter_run *r, enum filter_program kind, struct str command,
    struct buf *output, int *status)
{
	struct filter_message m = filter_message_of(r);
	struct str shell = filter_get(r, "SHELL");
	char *sh = mem_strndup(shell.n ? shell.p : "/bin/sh", shell.n ? shell.n : 7);
	char *line = mem_strndup(command.p ? command.p : "", command.n);
	char *argv[] = {sh, (char *)(uintptr_t) "-c", line, NULL};
	int in = kind == FILTER_SYSTEM ? open("/dev/null", O_RDONLY | O_CLOEXEC) : message_file(r);
	int done = carry_out(r, argv, in, output, status);
	if (done == 0 && kind == FILTER_XFILTER && *status == 0 &&
	    lseek(in, 0, SEEK_CUR) < (off_t)(m.extra.n + m.bytes.n))
		done = filter_fail(r, "xfilter: the program did not read the whole message");
	if (in >= 0)
		close(in);
	free(line);
	free(sh);
	return done;
}

int drop_exec(struct filter_run *r, char **argv, int *status)
{
	int in = message_file(r);
	int done = carry_out(r, argv, in, NULL, status);
	if (in >= 0)
		close(in);
	return done;
}
