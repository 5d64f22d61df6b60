/* makeuucpneighbors: etc/uucpneighbors as a table. */
#include "config.h"

#include "config/folder.h"
#include "submit/tool.h"
#include "uucp/uucp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 16 * 1024 * 1024 };

static int put(struct table_build *b, struct str node, unsigned flags)
{
	char letters[4];
	size_t n = 0;
	if (flags & UUCP_FORWARD)
		letters[n++] = 'F';
	if (flags & UUCP_GATEWAY)
		letters[n++] = 'G';
	if (flags & UUCP_RELAY)
		letters[n++] = 'R';
	return table_build_put(b, node, str_at(letters, n), true) < 0 ? -1 : 0;
}

/* The number of lines that are wrong, or -1. */
static int fill(struct table_build *b, struct str text)
{
	struct str line, node;
	unsigned flags, number = 0;
	int wrong = 0;
	while (str_split(&text, '\n', &line)) {
		int r = uucp_neighbor_line(line, &node, &flags);
		number++;
		if (r < 0) {
			wrong++;
			fprintf(stderr,
			    "makeuucpneighbors: line %u is not NODE, TAB and flags out of F, G, R: "
			    "'%.*s'\n",
			    number, STR_FMT(line));
		} else if (r > 0 && put(b, node, flags) < 0)
			return -1;
	}
	return wrong;
}

static int make(const char *path, struct str text)
{
	struct table_build *b = table_build_begin(path, TABLE_HASH, 0644);
	int r = b ? fill(b, text) : -1;
	if (r != 0) {
		int e = errno;
		table_build_abort(b);
		errno = r > 0 ? EINVAL : e;
		return -1;
	}
	return table_build_commit(b);
}

int main(int argc, char **argv)
{
	struct tool t;
	struct buf text;
	if (tool_open(&t, "makeuucpneighbors", &argc, &argv) < 0)
		return EXIT_FAILURE;
	if (argc > 1) {
		fprintf(stderr, "usage: makeuucpneighbors [-C DIR]\n");
		return EXIT_FAILURE;
	}
	char *path = instance_path(t.in.etc, "uucpneighbors.dat");
	buf_init(&text, TEXT_MAX);
	int r = config_text(t.in.etc, "uucpneighbors", true, &text);
	if (r == 0)
		fprintf(stderr, "makeuucpneighbors: there is no '%s/uucpneighbors'\n", t.in.etc);
	else if (r > 0 && (r = make(path, buf_str(&text))) < 0)
		fprintf(stderr, "makeuucpneighbors: '%s' is not made: %s\n", path, strerror(errno));
	else
		r = r < 0 ? -1 : 1;
	buf_free(&text);
	free(path);
	tool_close(&t);
	return r > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
