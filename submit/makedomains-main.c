/* makehosteddomains, makeacceptmailfor, makepercentrelay: a list of domains as a table; which one
 * the name tells. */
#include "config/folder.h"
#include "submit/tool.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { DOMAINS_TEXT_MAX = 256 * 1024 * 1024 };

struct list {
	const char *tool, *source, *table;
};

static int make(struct domains *d, const char *path)
{
	table_build_sweep(path);
	struct table_build *b = table_build_begin(path, TABLE_HASH, 0644);
	struct str key, value;
	size_t at = 0;
	if (!b)
		return -1;
	while (domains_next(d, &at, &key, &value)) {
		if (table_build_put(b, key, value, true) < 0) {
			table_build_abort(b);
			return -1;
		}
	}
	return table_build_commit(b);
}

static struct str line_of(struct str text, unsigned number)
{
	struct str line = STR_NONE;
	while (number-- && str_split(&text, '\n', &line))
		;
	return str_trim(line);
}

static int run(struct tool *t, const struct list *l, const char *path)
{
	struct buf text;
	unsigned first;
	buf_init(&text, DOMAINS_TEXT_MAX);
	int r = config_text(t->in.etc, l->source, true, &text);
	if (r == 0)
		fprintf(stderr, "%s: there is no '%s/%s'\n", l->tool, t->in.etc, l->source);
	struct domains *d = r > 0 ? domains_new(buf_str(&text), t->names.host) : NULL;
	if (r > 0 && d && domains_faults(d, &first)) {
		struct str line = line_of(buf_str(&text), first);
		fprintf(stderr, "%s: '%s': the line '%.*s' is no domain; '%s' is not made\n",
		    l->tool, l->source, STR_FMT(line), path);
		r = -1;
	} else if (r > 0 && (!d || make(d, path) < 0)) {
		fprintf(stderr, "%s: '%s' is not made: %s\n", l->tool, path, strerror(errno));
		r = -1;
	}
	domains_free(d);
	buf_free(&text);
	return r;
}

int main(int argc, char **argv)
{
	static const struct list lists[] = {
	    {"makehosteddomains", "hosteddomains", "hosteddomains.dat"},
	    {"makeacceptmailfor", "esmtpacceptmailfor.dir", "esmtpacceptmailfor.dat"},
	    {"makepercentrelay", "esmtppercentrelay.dir", "esmtppercentrelay.dat"},
	};
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash ? slash + 1 : argv[0];
	const struct list *l = &lists[0];
	struct tool t;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (strcmp(name, lists[i].tool) == 0)
			l = &lists[i];
	if (tool_open(&t, l->tool, &argc, &argv) < 0)
		return EXIT_FAILURE;
	if (argc > 1) {
		fprintf(stderr, "usage: %s [-C DIR]\n", l->tool);
		return EXIT_FAILURE;
	}
	char *path = instance_path(t.in.etc, l->table);
	int r = tool_lock(&t) < 0 ? -1 : run(&t, l, path);
	free(path);
	tool_close(&t);
	return r > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
