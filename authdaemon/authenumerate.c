/* authenumerate: every account, as an index of shared folders wants it. */
#include "config.h"

#include "auth/auth-text.h"
#include "authdaemon/tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { ANSWER_MAX = 256 * 1024 * 1024, COLUMNS = 6 };

static const char usage[] = "usage: authenumerate [-C DIR] [-s] [-o]\n";

static bool has_option(struct str options, const char *wanted)
{
	struct str one;
	while (str_split(&options, ',', &one))
		if (str_is(one, wanted))
			return true;
	return false;
}

/* name, uid, gid, home, maildir[, options]; empty columns at the end are left out */
static void print(struct str line, bool without_unshared, bool options)
{
	struct str column[COLUMNS] = {{0}};
	struct str rest = line;
	size_t n = 0, last = 0;
	while (n < COLUMNS && str_split(&rest, '\t', &column[n]))
		n++;
	if (n < 4 || (without_unshared && has_option(column[5], "disableshared=1")))
		return;
	for (size_t i = 0; i < (options ? COLUMNS : COLUMNS - 1); i++)
		if (column[i].n)
			last = i;
	for (size_t i = 0; i <= last; i++)
		printf("%s%.*s", i ? "\t" : "", STR_FMT(column[i]));
	putchar('\n');
}

int main(int argc UNUSED, char **argv)
{
	const char *dir = NULL;
	bool shared = false, options = false, whole = false;
	struct instance in = {0};
	struct buf answer;
	int i = 1;
	while (argv[i]) {
		if (tool_flag(argv, &i, "s"))
			shared = true;
		else if (tool_flag(argv, &i, "o"))
			options = true;
		else if (!tool_option(argv, &i, "C", &dir))
			tool_usage(usage);
	}
	tool_instance(&in, dir);
	buf_init(&answer, ANSWER_MAX);
	if (auth_text_ask(&in, STR("ENUMERATE\n"), &answer) < 0)
		tool_die("cannot ask authdaemond of '%s': %s", in.var, strerror(errno));
	struct str text = buf_str(&answer), line;
	while (!whole && str_split(&text, '\n', &line)) {
		whole = str_is(line, ".");
		if (!whole && line.n && line.p[0] != '#')
			print(line, shared, options);
	}
	buf_free(&answer);
	instance_free(&in);
	if (fflush(stdout) != 0)
		tool_die("cannot write standard output");
	if (!whole)
		tool_die("the list is not complete");
	return 0;
}
