/*
 * aliasexp, aliascombine, aliascreate: makealiases in three steps, for scripts that put aliases
 * together from several places.  Between them go records:
 *
 *	<alias>  and its members, <member>, one a line; then an empty line.  "." ends all.
 *
 * aliascombine puts a line *alias for each before them; readers pass over these.
 */
#include "config.h"

#include "submit/alias-source.h"
#include "submit/alias-table.h"
#include "submit/tool.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { INPUT_MAX = 256 * 1024 * 1024, PRINTED_MAX = 2 * ALIAS_TEXT_MAX + 65536 };

struct piping {
	struct tool tool;
	struct alias_table table;
	bool dump;
};

static int include(void *ctx, struct str path, struct buf *out)
{
	struct piping *p = ctx;
	return alias_source_include(p->tool.name, geteuid(), path, out);
}

static int no_instruction(void *ctx, struct str name, struct str line)
{
	struct piping *p = ctx;
	(void)name;
	(void)line;
	fprintf(stderr, "%s: programs and files are makealiases' business\n", p->tool.name);
	return -1;
}

static void complain(void *ctx, const char *file, unsigned line, const char *why)
{
	struct piping *p = ctx;
	fprintf(stderr, "%s: %s:%u: %s\n", p->tool.name, file, line, why);
}

/* ---- records --------------------------------------------------------------------------------- */

static struct str inner(struct str line)
{
	return line.n > 2 && line.p[0] == '<' && line.p[line.n - 1] == '>'
		   ? str_head(str_skip(line, 1), line.n - 2)
		   : STR_NONE;
}

/* Records as text that makealiases reads.  false: the end is missing, or it is something else. */
static bool records_to_text(struct str in, struct buf *out)
{
	struct str line;
	bool open = false;
	while (str_split(&in, '\n', &line)) {
		if (str_is(line, "."))
			return !open && in.n == 0 && !out->failed;
		if (line.n == 0) {
			if (open)
				buf_addc(out, '\n');
			open = false;
			continue;
		}
		if (line.p[0] == '*' && !open)
			continue;
		struct str text = inner(line);
		if (text.n == 0 || str_has_ctl(text))
			return false;
		buf_addf(out, open ? "\t%.*s,\n" : "%.*s:\n", STR_FMT(text));
		open = true;
	}
	return false;
}

static int put_name(void *ctx, struct str key, struct str members)
{
	(void)ctx;
	(void)members;
	printf("*%.*s\n", STR_FMT(key));
	return 0;
}

static int put_record(void *ctx, struct str key, struct str members)
{
	struct str line;
	(void)ctx;
	printf("<%.*s>\n", STR_FMT(key));
	while (str_split(&members, '\n', &line))
		if (line.n)
			printf("<%.*s>\n", STR_FMT(line));
	putchar('\n');
	return 0;
}

static int dump(void *ctx, struct str key, struct str members)
{
	struct buf b;
	(void)ctx;
	buf_init(&b, PRINTED_MAX);
	int r = alias_print(key, members, &b) && fwrite(b.p, 1, b.n, stdout) == b.n ? 0 : -1;
	buf_free(&b);
	return r;
}

/* ---- the three ------------------------------------------------------------------------------- */

static int write_records(struct piping *p, struct alias_set *s, bool names)
{
	if (names && alias_set_each(s, put_name, p) != 0)
		return -1;
	if (alias_set_each(s, put_record, p) != 0 || alias_set_faults(s))
		return -1;
	puts(".");
	return fflush(stdout) ? -1 : 0;
}

static int create(struct piping *p, struct alias_set *s)
{
	if (p->dump)
		return alias_set_each(s, dump, p) || fflush(stdout) ? -1 : 0;
	if (tool_lock(&p->tool) == 0 && alias_table_begin(&p->table) == 0 &&
	    alias_set_each(s, alias_table_put, &p->table) == 0 && !alias_set_faults(s) &&
	    alias_table_place(&p->table) == 0)
		return 0;
	fprintf(stderr, "aliascreate: '%s' is not made: %s\n", p->table.output, strerror(errno));
	return -1;
}

static int run(struct piping *p)
{
	bool exp = strcmp(p->tool.name, "aliasexp") == 0;
	struct alias_hooks hooks = {include, no_instruction, complain, p};
	struct alias_set *s = alias_set_new(&p->tool.names, NULL, &hooks);
	struct buf in, text;
	int r = -1;
	buf_init(&in, INPUT_MAX);
	buf_init(&text, INPUT_MAX);
	if (file_read_fd(STDIN_FILENO, &in) < 0)
		fprintf(stderr, "%s: cannot read: %s\n", p->tool.name, strerror(errno));
	else if (!exp && !records_to_text(buf_str(&in), &text))
		fprintf(stderr, "%s: these are no records of aliasexp\n", p->tool.name);
	else if (s && alias_set_add(s, exp ? buf_str(&in) : buf_str(&text), "(input)") == 0 &&
		 !alias_set_faults(s))
		r = strcmp(p->tool.name, "aliascreate") == 0 ? create(p, s)
							     : write_records(p, s, !exp);
	alias_set_free(s);
	buf_free(&in);
	buf_free(&text);
	return r;
}

static int parse(struct piping *p, int argc, char **argv)
{
	bool creates = strcmp(p->tool.name, "aliascreate") == 0;
	for (int i = 1; i < argc; i++) {
		if (creates && strncmp(argv[i], "-tmp=", 5) == 0)
			p->table.tmp = argv[i] + 5;
		else if (creates && strncmp(argv[i], "-alias=", 7) == 0)
			p->table.output = argv[i] + 7;
		else if (creates && strcmp(argv[i], "-dump") == 0)
			p->dump = true;
		else
			return -1;
	}
	return creates && !p->dump && !p->table.output ? -1 : 0;
}

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	return strcmp(name, "aliascombine") == 0  ? "aliascombine"
	       : strcmp(name, "aliascreate") == 0 ? "aliascreate"
						  : "aliasexp";
}

int main(int argc, char **argv)
{
	struct piping p = {0};
	const char *name = name_of(argv[0]);
	if (tool_open(&p.tool, name, &argc, &argv) < 0)
		return EXIT_FAILURE;
	int r = parse(&p, argc, argv);
	if (r < 0)
		fprintf(stderr, "usage: %s [-C DIR]%s\n", name,
		    strcmp(name, "aliascreate") == 0 ? " [-tmp=FILE] -alias=FILE | -dump" : "");
	else
		r = run(&p);
	alias_table_end(&p.table);
	tool_close(&p.tool);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
