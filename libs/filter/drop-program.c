#include "config.h"

#include "filter/drop-private.h"
#include "base/child-run.h"
#include "maildir/mbox-lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int write_part(void *fd, const void *p, size_t n)
{
	return file_write_all(*(int *)fd, p, n);
}

/* A file of the message at its start.  The child shares the position: it tells what was read. */
static int message_file(struct filter_run *r)
{
	struct drop *d = filter_ctx(r);
	struct filter_message m = filter_message_of(r);
	bool large = m.bytes.n > d->call->set.small;
	int fd = large ? drop_scratch(d) : memfd_create("message", MFD_CLOEXEC);
	if (fd >= 0 && file_write_all(fd, m.extra.p, m.extra.n) == 0 &&
	    drop_in_windows(d, m.bytes, write_part, &fd) == 0 && lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	int saved = errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
	return -1;
}

static int broken_off(struct filter_run *r, const struct child_run *c, const char *name)
{
	if (c->late)
		return filter_fail(r, "\"%s\" took too long and was ended", name);
	if (c->full && c->to_end)
		return filter_fail(r, "cannot run \"%s\": its output is too large", name);
	return filter_fail(r, "\"%s\" was ended by signal %d", name, WTERMSIG(c->status));
}

/* in: -1 with errno: there is none. */
static int carry_out(struct filter_run *r, char **argv, int in, struct buf *output, int *status)
{
	struct drop *d = filter_ctx(r);
	char **env = filter_environ(r);
	struct child_run c = {.argv = argv,
	    .env = env,
	    .search = true,
	    .in = in,
	    .deadline = d->deadline,
	    .memory = d->call->memory,
	    .out = output ? output : d->call->sink,
	    .err = d->call->sink,
	    .overflow = output == &d->output ? drop_output_overflow : NULL,
	    .ctx = d,
	    .to_end = output != NULL,
	    .group = lock_guard_group};
	int done = in < 0 ? -1 : child_run(&c), saved = errno;
	filter_environ_free(env);
	if (done < 0)
		return filter_fail(r, "cannot run \"%s\": %s", argv[0], strerror(saved));
	if (c.late || (c.full && c.to_end) || WIFSIGNALED(c.status))
		return broken_off(r, &c, argv[0]);
	*status = WEXITSTATUS(c.status);
	return 0;
}

int drop_program(struct filter_run *r, enum filter_program kind, struct str command,
    struct buf *output, int *status)
{
	struct drop *d = filter_ctx(r);
	struct filter_message m = filter_message_of(r);
	struct str shell = filter_get(r, "SHELL");
	char *sh = mem_strndup(shell.n ? shell.p : "/bin/sh", shell.n ? shell.n : 7);
	char *line = mem_strndup(command.p ? command.p : "", command.n);
	char *argv[] = {sh, (char *)(uintptr_t) "-c", line, NULL};
	int in = kind == FILTER_SYSTEM ? open("/dev/null", O_RDONLY | O_CLOEXEC) : message_file(r);
	if (kind == FILTER_XFILTER) {
		drop_output_begin(d);
		output = &d->output;
	}
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
