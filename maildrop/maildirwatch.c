/* maildirwatch: runs a command whenever a Maildir or folder may have changed. */
#include "config.h"

#include "maildir/maildir.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

static const char usage[] = "usage: maildirwatch MAILDIR COMMAND [ARGUMENT ...]\n";

enum { LOOK_MS = 60 * 1000, SETTLE_MS = 100, SETTLE_TIMES = 20 };

static _Noreturn void fail(const char *what, const char *name)
{
	fprintf(stderr, "maildirwatch: %s '%s': %s\n", what, name, strerror(errno));
	exit(1);
}

/* Keywords have a folder of their own, which may come later. */
static void watch(int fd, const char *dir, const char *part, bool must)
{
	char *path = mem_printf("%s/%s", dir, part);
	uint32_t what =
	    IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_ONLYDIR;
	if (inotify_add_watch(fd, path, what) < 0 && must)
		fail("cannot watch", path);
	free(path);
}

/* The command's exit status; 127 also when it was killed. */
static int run(char **argv)
{
	int status = 0;
	pid_t pid = fork();
	if (pid < 0)
		fail("cannot run", argv[0]);
	if (pid == 0) {
		execvp(argv[0], argv);
		fprintf(stderr, "maildirwatch: cannot run '%s': %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

/* Changes come in bursts: the command is told of one at once. */
static void wait_for_change(int fd)
{
	char events[4096];
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int r = poll(&p, 1, LOOK_MS);
	for (int i = 0; r > 0 && i < SETTLE_TIMES; i++) {
		if (read(fd, events, sizeof events) < 0 && errno != EINTR && errno != EAGAIN)
			fail("cannot watch", "inotify");
		r = poll(&p, 1, SETTLE_MS);
	}
}

int main(int argc, char **argv)
{
	log_open("maildirwatch", LOG_TO_STDERR, -1);
	if (argc < 3 || argv[1][0] == '-') {
		fputs(usage, stderr);
		return 1;
	}
	const char *dir = argv[1];
	if (!maildir_exists(dir)) {
		fprintf(stderr, "maildirwatch: there is no Maildir '%s'\n", dir);
		return 1;
	}
	int fd = inotify_init1(IN_CLOEXEC), code;
	if (fd < 0)
		fail("cannot watch", dir);
	watch(fd, dir, "new", true);
	watch(fd, dir, "cur", true);
	while (watch(fd, dir, "courierimapkeywords", false), (code = run(argv + 2)) == 0) {
		wait_for_change(fd);
		if (!maildir_exists(dir)) {
			fprintf(stderr, "maildirwatch: the Maildir '%s' is gone\n", dir);
			return 1;
		}
	}
	printf("%d\n", code);
	return fflush(stdout) == 0 ? 0 : 1;
}
