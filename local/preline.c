/*
 * preline PROGRAM [ARGUMENT...]: for "|" instructions whose program wants to see a message as it
 * stands in a mailbox: the lines of UFLINE, RPLINE and DTLINE first, then standard input.
 */
#include "config.h"

#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEMPORARY = 75 };

static int put_line(int fd, const char *name)
{
	const char *line = getenv(name);
	if (!line)
		return 0;
	return file_write_all(fd, line, strlen(line)) < 0 ? -1 : file_write_all(fd, "\n", 1);
}

static int copy(int to)
{
	char chunk[65536];
	ssize_t n;
	if (put_line(to, "UFLINE") < 0 || put_line(to, "RPLINE") < 0 || put_line(to, "DTLINE") < 0)
		return -1;
	while ((n = read(0, chunk, sizeof chunk)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || file_write_all(to, chunk, (size_t)n) < 0)
			return -1;
	}
	return 0;
}

static void run(char **argv, int in)
{
	signal(SIGPIPE, SIG_DFL);
	if (dup2(in, 0) >= 0)
		execvp(argv[0], argv);
	fprintf(stderr, "preline: cannot run '%s': %s\n", argv[0], strerror(errno));
	_exit(TEMPORARY);
}

static int status_of(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return TEMPORARY;
	return WIFEXITED(status) ? WEXITSTATUS(status) : TEMPORARY;
}

int main(int argc, char **argv)
{
	int ends[2];
	if (argc < 2 || argv[1][0] == '-') {
		fprintf(stderr, "usage: preline PROGRAM [ARGUMENT...]\n");
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	pid_t pid = pipe2(ends, O_CLOEXEC) < 0 ? -1 : fork();
	if (pid < 0) {
		fprintf(stderr, "preline: cannot start a process: %s\n", strerror(errno));
		return TEMPORARY;
	}
	if (pid == 0)
		run(argv + 1, ends[0]);
	close(ends[0]);
	/* A program need not read all of it: its exit status says what became of the message. */
	bool whole = copy(ends[1]) == 0 || errno == EPIPE;
	int error = errno;
	close(ends[1]);
	int status = status_of(pid);
	if (whole)
		return status;
	fprintf(stderr, "preline: cannot pass the message on: %s\n", strerror(error));
	return TEMPORARY;
}
