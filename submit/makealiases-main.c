/*
 * makealiases: etc/aliases and everything in it as one table, with the programs and files it names
 * as .courier files of the alias folder.
 */
#include "config.h"

#include "gate/gate.h"
#include "submit/alias-source.h"
#include "submit/alias-table.h"
#include "submit/tool.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DUMP_MAX = 2 * ALIAS_TEXT_MAX + 65536 };

struct making {
	struct tool tool;
	struct alias_table table;
	const char *source; /* path */
	uid_t owner;        /* of the source */
	bool dump, check;
	struct gate_sync *gate;
	unsigned bad;
};

/* ---- hooks of the expansion ------------------------------------------------------------------ */

static int include(void *ctx, struct str path, struct buf *out)
{
	struct making *m = ctx;
	return alias_source_include("makealiases", m->owner, path, out);
}

static int instruction(void *ctx, struct str name, struct str line)
{
	struct making *m = ctx;
	return alias_table_instruction(&m->table, name, line);
}

static void complain(void *ctx, const char *file, unsigned line, const char *why)
{
	(void)ctx;
	fprintf(stderr, "makealiases: %s:%u: %s\n", file, line, why);
}

/* ---- what is asked --------------------------------------------------------------------------- */

static int build(struct making *m, struct alias_set *s)
{
	if (alias_table_begin(&m->table) < 0)
		return -1;
	if (alias_set_each(s, alias_table_put, &m->table) != 0 || alias_set_faults(s)) {
		alias_table_abort(&m->table);
		return -1;
	}
	return alias_table_commit(&m->table);
}

static int dump(void *ctx, struct str key, struct str members)
{
	struct buf b;
	(void)ctx;
	buf_init(&b, DUMP_MAX);
	int r = alias_print(key, members, &b) && fwrite(b.p, 1, b.n, stdout) == b.n ? 0 : -1;
	buf_free(&b);
	return r;
}

static bool made_by_us(struct str member)
{
	return str_starts(member, STR("\".xalias"));
}

static int check(void *ctx, struct str key, struct str members)
{
	struct making *m = ctx;
	struct str line;
	struct gate_reply r;
	if (key.p[0] == '@')
		return 0;
	while (str_split(&members, '\n', &line)) {
		if (line.n == 0 || made_by_us(line))
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

static int run_build(struct making *m, struct alias_set *s)
{
	if (build(m, s) == 0)
		return 0;
	fprintf(stderr, "makealiases: '%s' is not made: %s\n", m->table.output,
	    alias_set_faults(s) ? "see above"
	    : errno == EXDEV    ? "the temporary file is on another file system"
				: strerror(errno));
	return -1;
}

static int run(struct making *m)
{
	struct alias_hooks hooks = {include, instruction, complain, m};
	struct stat st;
	struct alias_set *s = alias_set_new(&m->tool.names, m->table.source, &hooks);
	if (!s)
		return -1;
	m->owner = stat(m->source, &st) == 0 ? st.st_uid : 0;
	int r = alias_source_add(s, m->tool.arena, "makealiases", m->source);
	if (r == 0 && alias_set_faults(s))
		r = -1;
	if (r == 0 && m->dump)
		r = alias_set_each(s, dump, m) || alias_set_faults(s) || fflush(stdout) ? -1 : 0;
	else if (r == 0)
		r = m->check ? run_check(m, s) : run_build(m, s);
	alias_set_free(s);
	return r;
}

/* ---- options --------------------------------------------------------------------------------- */

static int usage(void)
{
	fprintf(stderr, "usage: makealiases [-C DIR] [-protocol=esmtp|uucp|local] [-alias=FILE] "
			"[-src=PATH] [-tmp=FILE] [-xaliasdir=DIR] [-xaliastmpdir=DIR] "
			"[-chk | -dump] [MODULE]\n");
	return -1;
}

static bool option(const char *arg, const char *name, const char **value)
{
	size_t n = strlen(name);
	if (strncmp(arg, name, n) != 0)
		return false;
	*value = arg + n;
	return true;
}

static bool path_option(struct making *m, const char *arg)
{
	return option(arg, "-alias=", &m->table.output) || option(arg, "-src=", &m->source) ||
	       option(arg, "-tmp=", &m->table.tmp) ||
	       option(arg, "-xaliasdir=", &m->table.xalias) ||
	       option(arg, "-xaliastmpdir=", &m->table.xalias_tmp);
}

static int known_source(const char *what, const char *name)
{
	enum alias_source s;
	if (alias_source_parse(str_of(name), &s))
		return 0;
	fprintf(
	    stderr, "makealiases: '%s' is no %s; those are esmtp, uucp and local\n", name, what);
	return -1;
}

static int parse(struct making *m, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-dump") == 0)
			m->dump = true;
		else if (strcmp(argv[i], "-chk") == 0)
			m->check = true;
		else if (option(argv[i], "-protocol=", &m->table.source)) {
			if (known_source("protocol", m->table.source) < 0)
				return -1;
		} else if (argv[i][0] != '-' && i == argc - 1) {
			if (known_source("module", argv[i]) < 0)
				return -1;
		} else if (!path_option(m, argv[i]))
			return usage();
	}
	return m->dump && m->check ? usage() : 0;
}

/* NAME, or NAME-PROTOCOL, in the configuration folder, unless an option has said where. */
static const char *place(struct making *m, const char *given, const char *name, const char *behind)
{
	const char *p = m->table.source;
	if (given)
		return given;
	return arena_printf(
	    m->tool.arena, "%s/%s%s%s%s", m->tool.in.etc, name, p ? "-" : "", p ? p : "", behind);
}

int main(int argc, char **argv)
{
	struct making m = {.table = {.tool = "makealiases"}};
	if (tool_open(&m.tool, "makealiases", &argc, &argv) < 0)
		return EXIT_FAILURE;
	int r = parse(&m, argc, argv);
	m.source = place(&m, m.source, "aliases", "");
	m.table.output = place(&m, m.table.output, "aliases", ".dat");
	m.table.xalias = place(&m, m.table.xalias, "aliasdir/.courier-:xalias", "");
	if (!m.source || !m.table.output || !m.table.xalias)
		r = -1;
	if (r == 0 && !m.dump && !m.check)
		r = tool_lock(&m.tool);
	if (r == 0)
		r = run(&m);
	alias_table_end(&m.table);
	tool_close(&m.tool);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
