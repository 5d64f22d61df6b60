/* aliaslookup: what the table of aliases says of an address. */
#include "submit/aliases.h"
#include "submit/tool.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int look_up(struct tool *t, struct table *table, const char *text)
{
	struct address a;
	struct buf members;
	struct arena *arena = arena_new(256 * 1024);
	buf_init(&members, ALIAS_TEXT_MAX);
	int r = -1;
	if (arena && address_canonical(&t->names, arena, str_of(text), STR_NONE,
			 ADDRESS_BARE | ADDRESS_UTF8, &a) == ADDRESS_OK) {
		r = aliases_lookup(table, &t->names, &a, &members);
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

int main(int argc, char **argv)
{
	struct tool t;
	int r = 0;
	if (tool_open(&t, "aliaslookup", &argc, &argv) < 0)
		return EXIT_FAILURE;
	if (argc > 2 && strcmp(argv[1], "-m") == 0 && strcmp(argv[2], "local") == 0) {
		argc -= 2;
		argv += 2;
	}
	char *path = instance_path(t.in.etc, "aliases.dat");
	struct table *table = table_open(path);
	if (argc < 2 || !table) {
		fprintf(stderr, argc < 2 ? "usage: aliaslookup [-C DIR] [-m local] ADDRESS...\n"
					 : "aliaslookup: out of memory\n");
		r = -1;
	}
	for (int i = 1; r == 0 && i < argc; i++)
		r = look_up(&t, table, argv[i]);
	table_close(table);
	free(path);
	tool_close(&t);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
