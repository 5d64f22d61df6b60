#include "config.h"

#include "authdaemon/tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <termios.h>
#include <unistd.h>

void tool_die(const char *fmt, ...)
{
	va_list ap;
	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void tool_usage(const char *text)
{
	fputs(text, stderr);
	exit(EX_USAGE);
}

/* "-md5" and "--md5" are the same: the original's tools have long options with one dash. */
static const char *option_name(const char *arg)
{
	if (arg[0] != '-' || arg[1] == 0)
		return NULL;
	return arg + (arg[1] == '-' ? 2 : 1);
}

bool tool_flag(char **argv, int *i, const char *name)
{
	const char *given = argv[*i] ? option_name(argv[*i]) : NULL;
	if (!given || strcmp(given, name) != 0)
		return false;
	++*i;
	return true;
}

bool tool_option(char **argv, int *i, const char *name, const char **value)
{
	const char *given = argv[*i] ? option_name(argv[*i]) : NULL;
	size_t n = strlen(name);
	if (!given || strncmp(given, name, n) != 0)
		return false;
	if (given[n] == '=' && n > 1) {
		*value = given + n + 1;
	} else if (given[n] && n == 1) {
		*value = given + n; /* -CDIR */
	} else if (given[n] == 0 && argv[*i + 1]) {
		*value = argv[++*i];
	} else {
		return false;
	}
	++*i;
	return true;
}

void tool_instance(struct instance *in, const char *dir)
{
	char *why = NULL;
	if (instance_find(in, dir, &why) < 0)
		tool_die("%s", why ? why : "no instance");
}

char *tool_etc(const char *dir)
{
	struct instance in = {0};
	tool_instance(&in, dir);
	char *etc = mem_strdup(in.etc);
	instance_free(&in);
	return etc;
}

/* read(2), byte by byte: what follows the line belongs to whoever reads next. */
static char *read_line(void)
{
	char line[TOOL_LINE_MAX + 2];
	size_t n = 0;
	for (;;) {
		ssize_t got = read(STDIN_FILENO, line + n, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			tool_die("cannot read standard input: %s", strerror(errno));
		if (got == 0 || line[n] == '\n')
			break;
		if (++n > TOOL_LINE_MAX)
			tool_die("the line is longer than %d bytes", TOOL_LINE_MAX);
	}
	if (n && line[n - 1] == '\r')
		n--;
	char *copy = mem_strndup(line, n);
	mem_wipe(line, sizeof line);
	return copy;
}

static char *ask(const char *prompt)
{
	struct termios saved, quiet;
	bool tty = tcgetattr(STDIN_FILENO, &saved) == 0;
	if (tty) {
		fprintf(stderr, "%s", prompt);
		quiet = saved;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	char *line = read_line();
	if (tty) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved);
		fputc('\n', stderr);
	}
	return line;
}

char *tool_secret(const char *prompt, bool twice)
{
	char *first = ask(prompt);
	if (first[0] == 0)
		tool_die("an empty password is none");
	if (twice && isatty(STDIN_FILENO)) {
		char *again = ask("Again: ");
		if (strcmp(first, again) != 0)
			tool_die("the two are not the same");
		mem_wipe(again, strlen(again));
		free(again);
	}
	return first;
}
