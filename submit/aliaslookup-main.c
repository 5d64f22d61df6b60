/* aliaslookup: what the tables of aliases say of an address. */
#include "submit/aliases.h"
#include "submit/tool.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct lookup {
	struct tool tool;
	struct table *own, *general; /* own: of the source that was asked for */
};

static int in_tables(struct lookup *l, const struct address *a, struct buf *members)
{
	int r = aliases_lookup(l->own, &l->tool.names, a, members);
	return r ? r : aliases_lookup(l->general, &l->tool.names, a, members);
}

static int look_up(struct lookup *l, const char *text)
{
	struct address a;
	struct buf members;
	struct arena *arena = arena_new(256 * 1024);
	buf_init(&members, ALIAS_TEXT_MAX);
	int r = -1;
	if (arena && address_canonical(&l->tool.names, arena, str_of(text), STR_NONE,
			 ADDRESS_BARE | ADDRESS_UTF8, &a) == ADDRESS_OK) {
		r = in_tables(l, &a, &members);
		if (r > 0)
			fwrite(members.p, 1, members.n, stdout);
		else if (r < 0)
			fprintf(
			    stderr, "aliaslookup: cannot read the table: %s\n", strerror(errno));
	} else
		fprintf(stderr, "aliaslookup: '%s' is no address\n", text);
	buf_free(&members);
	arena_free(arena);
	return r < 0 ? -1 : 0;
}

static struct table *open_table(struct lookup *l, const char *source)
{
	char *path = source ? mem_printf("%s/aliases-%s.dat", l->tool.in.etc, source)
			    : instance_path(l->tool.in.etc, "aliases.dat");
	struct table *t = table_open(path);
	free(path);
	return t;
}

static int usage(void)
{
	fprintf(stderr, "usage: aliaslookup [-C DIR] [-m esmtp|uucp|local] ADDRESS...\n");
	return -1;
}

int main(int argc, char **argv)
{
	struct lookup l = {0};
	const char *source = "local";
	enum alias_source s;
	if (tool_open(&l.tool, "aliaslookup", &argc, &argv) < 0)
		return EXIT_FAILURE;
	int at = 1, r = 0;
	if (argc > 2 && strcmp(argv[1], "-m") == 0) {
		source = argv[2];
		at = 3;
	}
	if (at >= argc || !alias_source_parse(str_of(source), &s))
		r = usage();
	l.own = open_table(&l, source);
	l.general = open_table(&l, NULL);
	if (!l.own || !l.general)
		r = -1;
	for (; r == 0 && at < argc; at++)
		r = look_up(&l, argv[at]);
	table_close(l.own);
	table_close(l.general);
	tool_close(&l.tool);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
