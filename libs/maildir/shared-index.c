#include "config.h"

#include "maildir/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

struct loading {
	char *folder; /* of the first file */
	bool escapes;
	unsigned files;
	const char *chain[MAILDIR_INDEX_DEPTH];
	maildir_shared_list *out;
};

bool maildir_index_line(struct str line, struct maildir_index_line *out)
{
	struct str uid, gid;
	*out = (struct maildir_index_line){.maildir = STR("./Maildir")};
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (line.n == 0 || line.p[0] == '#' || memchr(line.p, 0, line.n))
		return false;
	if (!str_split(&line, '\t', &out->name) || out->name.n == 0 ||
	    out->name.n > MAILDIR_INDEX_NAME_MAX || str_has_ctl(out->name) ||
	    !str_split(&line, '\t', &uid))
		return false;
	if (str_is(uid, "*")) {
		if (!str_split(&line, '\t', &out->file))
			return false;
		/* a file beside this one, and no other */
		return out->file.n && out->file.p[0] != '.' && str_chr(out->file, '/') < 0;
	}
	if (!str_split(&line, '\t', &gid) || !str_split(&line, '\t', &out->home))
		return false;
	struct str maildir;
	if (str_split(&line, '\t', &maildir) && maildir.n)
		out->maildir = maildir;
	return out->home.n && out->home.p[0] == '/';
}

bool maildir_index_munge(struct str name, bool escapes, struct buf *out)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		if (c == '.')
			buf_addz(out, escapes ? "\\:" : " ");
		else if (c == '/')
			buf_addz(out, escapes ? "\\;" : " ");
		else if (c == '\\' && escapes)
			buf_addz(out, "\\\\");
		else
			buf_addc(out, c);
	}
	return !out->failed;
}

static void add_account(struct loading *l, const char *name, const struct maildir_index_line *e)
{
	struct maildir_shared one = {.name = mem_strdup(name)};
	bool absolute = e->maildir.p[0] == '/';
	one.maildir = absolute ? mem_strndup(e->maildir.p, e->maildir.n)
			       : mem_printf("%.*s/%.*s", STR_FMT(e->home), STR_FMT(e->maildir));
	vec_push(l->out, one);
}

static int load_file(struct loading *l, const char *path, const char *above, int depth);

static void load_group(
    struct loading *l, const struct maildir_index_line *e, const char *name, int depth)
{
	if (depth + 1 >= MAILDIR_INDEX_DEPTH || ++l->files > MAILDIR_INDEX_FILES)
		return;
	char *path = mem_printf("%s%.*s", l->folder, STR_FMT(e->file));
	bool circle = false;
	for (int i = 0; i <= depth; i++)
		circle |= strcmp(l->chain[i], path) == 0;
	if (!circle)
		load_file(l, path, name, depth + 1);
	free(path);
}

static void load_line(struct loading *l, struct str line, const char *above, int depth)
{
	struct maildir_index_line e;
	struct buf name;
	if (l->out->n >= MAILDIR_INDEX_ACCOUNTS || !maildir_index_line(line, &e))
		return;
	buf_init(&name, MAILDIR_INDEX_NAME_MAX * MAILDIR_INDEX_DEPTH);
	buf_addf(&name, "%s%s", above, *above ? "." : "");
	if (maildir_index_munge(e.name, l->escapes, &name)) {
		if (e.file.n)
			load_group(l, &e, name.p, depth);
		else
			add_account(l, name.p, &e);
	}
	buf_free(&name);
}

static int load_file(struct loading *l, const char *path, const char *above, int depth)
{
	struct buf text;
	struct str rest, line;
	buf_init(&text, MAILDIR_INDEX_FILE_MAX);
	int r = file_read(AT_FDCWD, path, &text);
	rest = buf_str(&text);
	l->chain[depth] = path;
	while (r == 0 && str_split(&rest, '\n', &line))
		load_line(l, line, above, depth);
	int saved = errno;
	buf_free(&text);
	errno = saved;
	return r;
}

int maildir_index_load(const char *file, bool escapes, maildir_shared_list *out)
{
	const char *slash = strrchr(file, '/');
	struct loading l = {.escapes = escapes, .out = out};
	l.folder = slash ? mem_strndup(file, (size_t)(slash - file) + 1) : mem_strdup("");
	int r = load_file(&l, file, "", 0);
	int saved = errno;
	free(l.folder);
	errno = saved;
	return r;
}

void maildir_index_free(maildir_shared_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].maildir);
	}
	vec_free(l);
}
