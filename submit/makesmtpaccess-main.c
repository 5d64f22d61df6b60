/* makesmtpaccess: the access file as a table. */
#include "access/access.h"
#include "config/folder.h"
#include "submit/tool.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { ACCESS_TEXT_MAX = 64 * 1024 * 1024 };

struct making {
	struct table_build *build;
	char lengths[ACCESS_LENGTHS_SIZE];
	unsigned faults;
};

static void bad(void *ctx, unsigned line, const char *why)
{
	struct making *m = ctx;
	m->faults++;
	fprintf(stderr, "makesmtpaccess: line %u: %s\n", line, why);
}

static int put(void *ctx, const struct access_block *b, struct str action, unsigned line)
{
	struct making *m = ctx;
	char key[ACCESS_KEY_SIZE];
	access_key(b, key);
	int r = table_build_put(m->build, str_at(key, sizeof(key)), action, false);
	if (r > 0)
		bad(m, line, "this address block was there already");
	else if (r < 0)
		fprintf(stderr, "makesmtpaccess: cannot write the table: %s\n", strerror(errno));
	m->lengths[b->bits] = 1;
	return r < 0 ? -1 : 0;
}

/* 0, or -1: the old table stays. */
static int make(struct making *m, struct str text, const char *path)
{
	struct access_reader r = {put, bad, m};
	m->build = table_build_begin(path, TABLE_HASH, 0644);
	if (!m->build)
		return -1;
	if (access_read(text, &r) < 0 || m->faults ||
	    table_build_put(
		m->build, ACCESS_LENGTHS, str_at(m->lengths, sizeof(m->lengths)), true) < 0) {
		table_build_abort(m->build);
		errno = EINVAL;
		return -1;
	}
	return table_build_commit(m->build);
}

int main(int argc, char **argv)
{
	struct tool t;
	struct making m = {0};
	struct buf text;
	if (tool_open(&t, "makesmtpaccess", &argc, &argv) < 0)
		return EXIT_FAILURE;
	if (argc > 1) {
		fprintf(stderr, "usage: makesmtpaccess [-C DIR]\n");
		return EXIT_FAILURE;
	}
	char *path = instance_path(t.in.etc, "smtpaccess.dat");
	buf_init(&text, ACCESS_TEXT_MAX);
	int r = config_text(t.in.etc, "smtpaccess", true, &text);
	if (r == 0)
		fprintf(stderr, "makesmtpaccess: there is no '%s/smtpaccess'\n", t.in.etc);
	if (r > 0)
		r = make(&m, buf_str(&text), path) < 0 ? -1 : 1;
	if (r < 0)
		fprintf(stderr, "makesmtpaccess: '%s' is not made: %s\n", path, strerror(errno));
	buf_free(&text);
	free(path);
	tool_close(&t);
	return r > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
