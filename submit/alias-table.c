#include "config.h"

#include "submit/alias-table.h"
#include "rfc822/rfc822.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { INSTRUCTIONS_MAX = 1024 * 1024, KEY_TEXT_MAX = 2048 };

int alias_table_begin(struct alias_table *t)
{
	table_build_sweep(t->tmp ? t->tmp : t->output);
	t->build = table_build_begin(t->tmp ? t->tmp : t->output, TABLE_HASH, 0644);
	return t->build ? 0 : -1;
}

static void free_instruction(void *value)
{
	buf_free(value);
	free(value);
}

void alias_table_end(struct alias_table *t)
{
	alias_table_abort(t);
	map_free(t->instructions, free_instruction);
	t->instructions = NULL;
}

void alias_table_abort(struct alias_table *t)
{
	int e = errno;
	table_build_abort(t->build);
	t->build = NULL;
	errno = e;
}

int alias_table_instruction(void *ctx, struct str name, struct str line)
{
	struct alias_table *t = ctx;
	if (!t->instructions && !(t->instructions = map_new()))
		return -1;
	struct buf *b = map_get(t->instructions, name);
	if (!b) {
		b = mem_new(struct buf);
		buf_init(b, INSTRUCTIONS_MAX);
		if (!map_set(t->instructions, name, b)) {
			free(b);
			return -1;
		}
	}
	buf_adds(b, line);
	return buf_addc(b, '\n') ? 0 : -1;
}

/* A long list goes on in further records, each but the last at least half full. */
int alias_table_put(void *ctx, struct str key, struct str members)
{
	struct alias_table *t = ctx;
	struct buf k;
	int r = 0;
	buf_init(&k, KEY_TEXT_MAX);
	buf_adds(&k, key);
	for (unsigned i = 1; r == 0 && members.n; i++) {
		size_t n = members.n;
		if (n > ALIAS_CHUNK)
			n = (size_t)str_rchr(str_head(members, ALIAS_CHUNK), '\n') + 1;
		r = table_build_put(t->build, buf_str(&k), str_head(members, n), true);
		members = str_skip(members, n);
		buf_clear(&k);
		buf_addf(&k, "%.*s\n%u", STR_FMT(key), i);
	}
	buf_free(&k);
	return r;
}

/* ---- instructions ---------------------------------------------------------------------------- */

static struct str file_of(struct str name)
{
	return str_skip(name, (size_t)(str_chr(name, '/') + 1));
}

static int keep_one(int dir, int tmp, const char *file, const struct buf *b)
{
	if (file_replace(tmp < 0 ? dir : tmp, file, b->p, b->n, 0644) < 0)
		return -1;
	if (tmp < 0)
		return 0;
	return file_rename(tmp, file, dir, file) < 0 ? -1 : file_sync_dir(dir, ".");
}

static int open_folder(const char *path)
{
	if (file_mkdirs(AT_FDCWD, path, 0755) < 0 && errno != EEXIST)
		return -1;
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int keep_instructions(struct alias_table *t)
{
	struct str name;
	void *value;
	size_t at = 0;
	int dir = open_folder(t->xalias), tmp = t->xalias_tmp ? open_folder(t->xalias_tmp) : -1;
	int r = dir < 0 || (t->xalias_tmp && tmp < 0) ? -1 : 0;
	while (r == 0 && map_next(t->instructions, &at, &name, &value)) {
		struct str f = file_of(name);
		char *file = mem_strndup(f.p, f.n);
		r = keep_one(dir, tmp, file, value);
		free(file);
	}
	int e = errno;
	if (dir >= 0)
		close(dir);
	if (tmp >= 0)
		close(tmp);
	errno = e;
	return r;
}

static void remove_stale(struct alias_table *t)
{
	DIR *d = opendir(t->xalias);
	struct dirent *e;
	while (d && (e = readdir(d))) {
		char *name = mem_printf(
		    "xalias%s%s/%s", t->source ? "-" : "", t->source ? t->source : "", e->d_name);
		/* a name with a dot in front is what a killed makealiases was writing */
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    !map_get(t->instructions, str_of(name)))
			unlinkat(dirfd(d), e->d_name, 0);
		free(name);
	}
	if (d)
		closedir(d);
}

int alias_table_place(struct alias_table *t)
{
	struct table_build *b = t->build;
	t->build = NULL;
	if (table_build_commit(b) < 0)
		return -1;
	if (!t->tmp)
		return 0;
	if (file_rename(AT_FDCWD, t->tmp, AT_FDCWD, t->output) < 0) {
		int e = errno;
		unlink(t->tmp);
		errno = e;
		return -1;
	}
	const char *slash = strrchr(t->output, '/');
	char *dir =
	    slash ? mem_strndup(t->output, (size_t)(slash - t->output) + 1) : mem_strdup(".");
	int r = file_sync_dir(AT_FDCWD, dir);
	free(dir);
	return r;
}

int alias_table_commit(struct alias_table *t)
{
	if (!t->instructions && !(t->instructions = map_new()))
		return -1;
	if (keep_instructions(t) < 0 || alias_table_place(t) < 0)
		return -1;
	remove_stale(t);
	return 0;
}

bool alias_print(struct str key, struct str members, struct buf *out)
{
	struct str line;
	const char *before = ": ";
	if (str_chr(key, '@') >= 0)
		buf_adds(out, key);
	else
		mailaddr_print_spec(out, key, STR_NONE);
	while (str_split(&members, '\n', &line)) {
		if (line.n)
			buf_addf(out, "%s%.*s", before, STR_FMT(line));
		before = ",\n\t";
	}
	return buf_addc(out, '\n');
}
