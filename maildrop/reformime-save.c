/* reformime: sections to files and programs (-x, -X). */
#include "config.h"

#include "maildrop/reformime.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

/* Whole messages and collections come out only when they are asked for by their number. */
static bool wanted(const struct reformime *r, const struct mime_part *p)
{
	return r->by_name || !p->child;
}

static bool harmless(unsigned char c)
{
	return ascii_alnum(c) || c >= 0x80 || strchr("-_.+=@", c);
}

/* The sender's name for it with everything suspect as an underscore; else attachmentN.dat.  What
 * stands before the last slash or backslash was the sender's folder. */
static char *file_name(const struct reformime *r, const struct mime_part *p, unsigned number)
{
	struct str name = reformime_name(r, p);
	ptrdiff_t slash = str_rchr(name, '/'), back = str_rchr(name, '\\');
	name = str_skip(name, (size_t)((slash > back ? slash : back) + 1));
	if (!str_trim(name).n || name.p[0] == '.')
		return mem_printf("attachment%u.dat", number);
	char *z = mem_strndup(name.p, name.n > 200 ? 200 : name.n);
	for (char *s = z; *s; s++)
		if (!*s || !harmless((unsigned char)*s))
			*s = '_';
	return z;
}

static void write_file(const char *path, struct str s)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0 || file_write_all(fd, s.p, s.n) < 0 || close(fd) < 0) {
		fprintf(stderr, "reformime: cannot write '%s': %s\n", path, strerror(errno));
		exit(EX_CANTCREAT);
	}
}

int reformime_save(const struct reformime *r, const char *prefix)
{
	unsigned number = 0;
	for (size_t i = 0; i < r->picked.n; i++) {
		const struct mime_part *p = r->picked.v[i];
		if (!wanted(r, p))
			continue;
		char *name = file_name(r, p, ++number), *path = mem_printf("%s%s", prefix, name);
		write_file(path, reformime_content(r, p));
		free(path);
		free(name);
	}
	return 0;
}

/* ---- -x: a person decides -------------------------------------------------------------------- */

/* An answer from the terminal, without its line end; false at its end. */
static bool answer(FILE *tty, char *line, size_t size)
{
	fflush(tty);
	if (!fgets(line, (int)size, tty))
		return false;
	line[strcspn(line, "\r\n")] = 0;
	return true;
}

static bool ask_about(
    const struct reformime *r, const struct mime_part *p, unsigned number, FILE *tty)
{
	char line[4096];
	fprintf(tty, "Extract %.*s/%.*s? ", STR_FMT(p->type), STR_FMT(p->subtype));
	if (!answer(tty, line, sizeof line))
		return false;
	if (line[0] != 'y' && line[0] != 'Y')
		return true;
	char *name = file_name(r, p, number);
	fprintf(tty, "Filename [%s]: ", name);
	bool more = answer(tty, line, sizeof line);
	if (more)
		write_file(line[0] ? line : name, reformime_content(r, p));
	free(name);
	return more;
}

int reformime_ask(const struct reformime *r)
{
	FILE *tty = fopen("/dev/tty", "r+");
	unsigned number = 0;
	if (!tty)
		reformime_fail("-x asks at a terminal, and there is none", "use -xPREFIX");
	for (size_t i = 0; i < r->picked.n; i++)
		if (wanted(r, r->picked.v[i]) && !ask_about(r, r->picked.v[i], ++number, tty))
			break;
	fclose(tty);
	return 0;
}

/* ---- -X -------------------------------------------------------------------------------------- */

static _Noreturn void run(char **argv, const struct mime_part *p, const char *name, int in)
{
	char *type = mem_printf("%.*s/%.*s", STR_FMT(p->type), STR_FMT(p->subtype));
	signal(SIGPIPE, SIG_DFL);
	if (setenv("CONTENT_TYPE", type, 1) == 0 && setenv("FILENAME", name, 1) == 0 &&
	    dup2(in, 0) == 0)
		execvp(argv[0], argv);
	fprintf(stderr, "reformime: cannot run '%s': %s\n", argv[0], strerror(errno));
	_exit(EX_UNAVAILABLE);
}

/* Its exit status. */
static int pipe_one(char **argv, const struct mime_part *p, const char *name, struct str content)
{
	int ends[2], status;
	fflush(stdout);
	if (pipe2(ends, O_CLOEXEC) < 0)
		reformime_fail("cannot make a pipe", strerror(errno));
	pid_t pid = fork();
	if (pid < 0)
		reformime_fail("cannot start a program", strerror(errno));
	if (pid == 0)
		run(argv, p, name, ends[0]);
	close(ends[0]);
	/* a program that has read enough may close its end */
	if (file_write_all(ends[1], content.p, content.n) < 0 && errno != EPIPE)
		reformime_fail("cannot write to the program", strerror(errno));
	close(ends[1]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			reformime_fail("cannot wait for the program", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int reformime_pipe(const struct reformime *r, char **argv)
{
	unsigned number = 0;
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < r->picked.n; i++) {
		const struct mime_part *p = r->picked.v[i];
		if (!wanted(r, p))
			continue;
		char *name = file_name(r, p, ++number);
		int status = pipe_one(argv, p, name, reformime_content(r, p));
		free(name);
		if (status != 0)
			return status + 20 > 255 ? 255 : status + 20;
	}
	return 0;
}
