/*
 * makealiases: etc/aliases and everything in it as one table, with the programs and files it names
 * as .courier files of the alias folder.
 */
#include "config.h"

#include "gate/gate.h"
#include "submit/aliases.h"
#include "submit/tool.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

enum { INSTRUCTIONS_MAX = 1024 * 1024, XALIAS_SKIP = 7 /* "xalias/" */ };

struct options {
	const char *source, *output, *xalias;
	bool dump, check;
};

struct making {
	struct tool tool;
	struct options o;
	struct table_build *build;
	struct map *files; /* name -> struct buf: instructions to be kept */
	struct gate_sync *gate;
	unsigned bad;
};

/* ---- hooks of the expansion ------------------------------------------------------------------ */

static int include(void *ctx, struct str path, struct buf *out)
{
	(void)ctx;
	char *z = mem_strndup(path.p, path.n);
	int r = file_read(AT_FDCWD, z, out);
	if (r < 0)
		fprintf(stderr, "makealiases: cannot read '%s': %s\n", z, strerror(errno));
	free(z);
	return r;
}

static int instruction(void *ctx, struct str name, struct str line)
{
	struct making *m = ctx;
	struct buf *b = map_get(m->files, name);
	if (!b) {
		b = mem_new(struct buf);
		buf_init(b, INSTRUCTIONS_MAX);
		if (!map_set(m->files, name, b))
			return -1;
	}
	buf_adds(b, line);
	return buf_addc(b, '\n') ? 0 : -1;
}

static void complain(void *ctx, const char *file, unsigned line, const char *why)
{
	(void)ctx;
	fprintf(stderr, "makealiases: %s:%u: %s\n", file, line, why);
}

/* ---- reading --------------------------------------------------------------------------------- */

static int takes_part(const struct dirent *e)
{
	return e->d_name[0] != '.' && !strchr(e->d_name, '~');
}

static int add_file(struct alias_set *s, const char *path)
{
	struct buf text;
	buf_init(&text, 256 * 1024 * 1024);
	int r = file_read(AT_FDCWD, path, &text);
	if (r < 0)
		fprintf(stderr, "makealiases: cannot read '%s': %s\n", path, strerror(errno));
	else
		r = alias_set_add(s, buf_str(&text), path);
	buf_free(&text);
	return r;
}

static int add_source(struct making *m, struct alias_set *s)
{
	struct dirent **list;
	struct stat st;
	if (stat(m->o.source, &st) == 0 && S_ISREG(st.st_mode))
		return add_file(s, m->o.source);
	int n = scandir(m->o.source, &list, takes_part, alphasort), r = n < 0 ? -1 : 0;
	if (n < 0)
		fprintf(
		    stderr, "makealiases: cannot read '%s': %s\n", m->o.source, strerror(errno));
	for (int i = 0; i < n; i++) {
		/* Names stay: faults found while following are told with them. */
		char *path = arena_printf(m->tool.arena, "%s/%s", m->o.source, list[i]->d_name);
		if (r == 0 && path)
			r = add_file(s, path);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return r;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* A long list goes on in further records, each but the last at least half full. */
static int put(void *ctx, struct str key, struct str members)
{
	struct making *m = ctx;
	struct buf k;
	int r = 0;
	buf_init(&k, 2048);
	buf_adds(&k, key);
	for (unsigned i = 1; r == 0 && members.n; i++) {
		size_t n = members.n;
		if (n > ALIAS_CHUNK)
			n = (size_t)str_rchr(str_head(members, ALIAS_CHUNK), '\n') + 1;
		r = table_build_put(m->build, buf_str(&k), str_head(members, n), true);
		members = str_skip(members, n);
		buf_clear(&k);
		buf_addf(&k, "%.*s\n%u", STR_FMT(key), i);
	}
	buf_free(&k);
	return r;
}

static int dump(void *ctx, struct str key, struct str members)
{
	struct str line;
	const char *before = ": ";
	(void)ctx;
	printf("%.*s", STR_FMT(key));
	while (str_split(&members, '\n', &line)) {
		if (line.n)
			printf("%s%.*s", before, STR_FMT(line));
		before = ",\n\t";
	}
	putchar('\n');
	return 0;
}

static int check(void *ctx, struct str key, struct str members)
{
	struct making *m = ctx;
	struct str line;
	struct gate_reply r;
	if (key.p[0] == '@')
		return 0;
	while (str_split(&members, '\n', &line)) {
		if (line.n == 0)
			continue;
		if (gate_sync_vrfy(m->gate, line, false, &r) < 0) {
			fprintf(stderr, "makealiases: the gate has gone away\n");
			return -1;
		}
		if (r.code >= 300) {
			m->bad++;
			printf("<%.*s>: %u %.*s\n", STR_FMT(line), r.code, STR_FMT(r.text));
		}
	}
	return 0;
}

static int keep_instructions(struct making *m)
{
	struct str name;
	void *value;
	size_t at = 0;
	if (file_mkdirs(AT_FDCWD, m->o.xalias, 0755) < 0 && errno != EEXIST)
		return -1;
	int dir = open(m->o.xalias, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	if (dir < 0)
		return -1;
	while (r == 0 && map_next(m->files, &at, &name, &value)) {
		struct buf *b = value;
		char *file = mem_strndup(name.p + XALIAS_SKIP, name.n - XALIAS_SKIP);
		r = file_replace(dir, file, b->p, b->n, 0644);
		free(file);
	}
	close(dir);
	return r;
}

/* What no alias names any more is removed, after the new table is in place. */
static void remove_stale(struct making *m)
{
	DIR *d = opendir(m->o.xalias);
	struct dirent *e;
	while (d && (e = readdir(d))) {
		char *name = mem_printf("xalias/%s", e->d_name);
		if (e->d_name[0] != '.' && !map_get(m->files, str_of(name)))
			unlinkat(dirfd(d), e->d_name, 0);
		free(name);
	}
	if (d)
		closedir(d);
}

static int build(struct making *m, struct alias_set *s)
{
	m->build = table_build_begin(m->o.output, TABLE_HASH, 0644);
	if (!m->build)
		return -1;
	if (alias_set_each(s, put, m) != 0 || alias_set_faults(s) || keep_instructions(m) < 0) {
		int e = errno;
		table_build_abort(m->build);
		errno = e;
		return -1;
	}
	if (table_build_commit(m->build) < 0)
		return -1;
	remove_stale(m);
	return 0;
}

/* ---- what is asked --------------------------------------------------------------------------- */

static int run_check(struct making *m, struct alias_set *s)
{
	struct gate_origin origin = {.source = "local"};
	m->gate = gate_sync_open(&m->tool.in, &origin);
	if (!m->gate) {
		fprintf(
		    stderr, "makealiases: the gate is not there to be asked; start the system\n");
		return -1;
	}
	int r = alias_set_each(s, check, m);
	gate_sync_close(m->gate);
	return r != 0 || m->bad || alias_set_faults(s) ? -1 : 0;
}

static int run(struct making *m)
{
	struct alias_hooks hooks = {include, instruction, complain, m};
	struct alias_set *s = alias_set_new(&m->tool.names, &hooks);
	if (!s)
		return -1;
	int r = add_source(m, s);
	if (r == 0 && alias_set_faults(s))
		r = -1;
	if (r == 0 && m->o.dump)
		r = alias_set_each(s, dump, m) || alias_set_faults(s) ? -1 : 0;
	else if (r == 0 && m->o.check)
		r = run_check(m, s);
	else if (r == 0 && build(m, s) < 0) {
		fprintf(stderr, "makealiases: '%s' is not made: %s\n", m->o.output,
		    alias_set_faults(s) ? "see above" : strerror(errno));
		r = -1;
	}
	alias_set_free(s);
	return r;
}

static bool option(const char *arg, const char *name, const char **value)
{
	size_t n = strlen(name);
	if (strncmp(arg, name, n) != 0)
		return false;
	*value = arg + n;
	return true;
}

static int parse(struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-dump") == 0)
			o->dump = true;
		else if (strcmp(argv[i], "-chk") == 0)
			o->check = true;
		else if (!option(argv[i], "-alias=", &o->output) &&
			 !option(argv[i], "-src=", &o->source) &&
			 !option(argv[i], "-xaliasdir=", &o->xalias)) {
			fprintf(stderr, "usage: makealiases [-C DIR] [-alias=FILE] [-src=PATH] "
					"[-xaliasdir=DIR] [-chk | -dump]\n");
			return -1;
		}
	}
	return 0;
}

static void free_instructions(void *value)
{
	buf_free(value);
	free(value);
}

/* One at a time: a lock on the configuration folder. */
static int lock(const char *etc)
{
	int fd = open(etc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0) {
		fprintf(stderr, "makealiases: cannot lock '%s': %s\n", etc, strerror(errno));
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct making m = {0};
	if (tool_open(&m.tool, "makealiases", &argc, &argv) < 0)
		return EXIT_FAILURE;
	char *source = instance_path(m.tool.in.etc, "aliases");
	char *output = instance_path(m.tool.in.etc, "aliases.dat");
	char *xalias = instance_path(m.tool.in.etc, "aliasdir/.courier-:xalias");
	m.o = (struct options){.source = source, .output = output, .xalias = xalias};
	m.files = map_new();
	int r = parse(&m.o, argc, argv);
	if (r == 0 && !m.o.dump && !m.o.check)
		r = lock(m.tool.in.etc);
	if (r == 0)
		r = m.files ? run(&m) : -1;
	map_free(m.files, free_instructions);
	free(source);
	free(output);
	free(xalias);
	tool_close(&m.tool);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
