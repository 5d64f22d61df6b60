/* reformail -s: a program for each message of a mailbox. */
#include "config.h"

#include "maildrop/reformail.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

static void next_number(void)
{
	const char *now = getenv("FILENO");
	uint64_t n;
	if (!now) {
		setenv("FILENO", "000", 1);
	} else if (str_u64(str_of(now), &n)) {
		char *text = mem_printf("%0*llu", (int)strnlen(now, 20), (unsigned long long)n + 1);
		setenv("FILENO", text, 1);
		free(text);
	}
}

static int give(struct str message, char **argv)
{
	int status = 0, fd = memfd_create("message", MFD_CLOEXEC);
	if (fd < 0 || file_write_all(fd, message.p, message.n) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		fail("cannot keep a message");
	pid_t pid = fork();
	if (pid == 0) {
		if (dup2(fd, 0) == 0)
			execvp(argv[0], argv);
		fprintf(stderr, "reformail: cannot run %s: %s\n", argv[0], strerror(errno));
		_exit(EX_TEMPFAIL);
	}
	close(fd);
	if (pid < 0)
		fail("cannot start a program");
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EX_TEMPFAIL;
}

/* Length of the first message: up to the next "From " behind an empty line. */
static size_t message_length(struct str s)
{
	size_t at = first_line(s).n;
	bool empty = false;
	while (at < s.n) {
		struct str line = first_line(str_skip(s, at));
		if (empty && str_starts(line, STR("From ")))
			break;
		empty = blank(line);
		at += line.n;
	}
	return at;
}

int split_mailbox(char **argv)
{
	bool first = true;
	int code = 0;
	if (!argv[0])
		refuse();
	struct buf in;
	buf_init(&in, INPUT_MAX);
	if (file_read_fd(0, &in) < 0)
		fail("cannot read the mailbox");
	struct str all = buf_str(&in);
	while (all.n && blank(first_line(all)))
		all = str_skip(all, first_line(all).n);
	while (all.n && code == 0) {
		size_t n = message_length(all);
		struct str one = str_head(all, n);
		if (n > 1 && one.p[n - 1] == '\n' && one.p[n - 2] == '\n')
			one.n--; /* the empty line between messages belongs to the mailbox */
		if (!first || !getenv("FILENO"))
			next_number();
		first = false;
		code = give(one, argv);
		all = str_skip(all, n);
	}
	buf_free(&in);
	return code;
}
