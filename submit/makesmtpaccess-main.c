/* makesmtpaccess, makesmtpaccess-msa, makeimapaccess: the access file as a table. */
#include "access/access.h"
#include "config/folder.h"
#include "submit/settings.h"
#include "submit/tool.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

enum { ACCESS_TEXT_MAX = 64 * 1024 * 1024 };

static const char *program;

struct making {
	struct table_build *build;
	char lengths[ACCESS_LENGTHS_SIZE];
	unsigned faults;
};

static void bad(void *ctx, unsigned line, const char *why)
{
	struct making *m = ctx;
	m->faults++;
	fprintf(stderr, "%s: line %u: %s\n", program, line, why);
}

static int put_local(void *ctx, struct str key, struct str action, unsigned line)
{
	struct making *m = ctx;
	int r = table_build_put(m->build, key, action, false);
	if (r > 0)
		bad(m, line, "this address block was there already");
	else if (r < 0)
		fprintf(stderr, "%s: cannot write the table: %s\n", program, strerror(errno));
	return r < 0 ? -1 : 0;
}

static int put(void *ctx, const struct access_block *b, struct str action, unsigned line)
{
	struct making *m = ctx;
	char key[ACCESS_KEY_SIZE];
	access_key(b, key);
	m->lengths[b->bits] = 1;
	return put_local(ctx, str_at(key, sizeof(key)), action, line);
}

/* 0, or -1: the old table stays. */
static int make(struct making *m, struct str text, const char *path)
{
	struct access_reader r = {.block = put, .bad = bad, .ctx = m, .local = put_local};
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

/* The IMAP service's, for its access table alone. */
static const struct config_setting imap_rows[] = {
    {.name = "IMAPACCESSFILE", .type = CONFIG_STRING, .def = "imapaccess"},
};
static const struct config_component imap_settings = {.name = "imapaccess",
    .file = "imapd",
    .overlay = "imapd-ssl",
    .settings = imap_rows,
    .n = ARRAY_LEN(imap_rows),
    .foreign_ok = true};

/* The file that the server of this command reads. */
static char *source(const struct tool *t, const char *self)
{
	bool imap = strcmp(self, "makeimapaccess") == 0;
	bool msa = strcmp(self, "makesmtpaccess-msa") == 0;
	const struct config_component *const c[] = {
	    imap ? &imap_settings : &sender_settings[msa ? 1 : 0]};
	struct config *config = config_load(&t->in, c, 1, NULL);
	char *path =
	    config ? access_file(&t->in, config, c[0]->name, imap ? "IMAPACCESSFILE" : "ACCESSFILE")
		   : NULL;
	config_drop(config);
	return path;
}

/* 0, or -1: told. */
static int make_from(const char *path)
{
	struct making m = {0};
	struct buf text;
	char *dat = mem_printf("%s.dat", path);
	buf_init(&text, ACCESS_TEXT_MAX);
	int r = config_text_at(AT_FDCWD, path, true, &text);
	if (r == 0)
		fprintf(stderr, "%s: there is no '%s'\n", program, path);
	if (r > 0 && make(&m, buf_str(&text), dat) == 0) {
		buf_free(&text);
		free(dat);
		return 0;
	}
	if (r != 0)
		fprintf(stderr, "%s: '%s' is not made: %s\n", program, dat, strerror(errno));
	buf_free(&text);
	free(dat);
	return -1;
}

int main(int argc, char **argv)
{
	struct tool t;
	const char *slash = strrchr(argv[0], '/');
	program = slash ? slash + 1 : argv[0];
	if (tool_open(&t, program, &argc, &argv) < 0)
		return EXIT_FAILURE;
	if (argc > 1) {
		fprintf(stderr, "usage: %s [-C DIR]\n", program);
		return EXIT_FAILURE;
	}
	char *path = source(&t, program);
	int r = path ? make_from(path) : -1;
	free(path);
	tool_close(&t);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
