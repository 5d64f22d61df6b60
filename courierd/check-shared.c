/*
 * A session passes over what it cannot use of these files, without a word to anybody: one index may
 * serve several hosts.  Here is where it is said.
 */
#include "config.h"

#include "courierd/check-shared.h"
#include "imapd/settings.h"
#include "maildir/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/stat.h>

struct checked {
	struct config_faults *f;
	const char *path;
	unsigned line, said;
	bool escapes;
	struct map *names;
};

static void say(struct checked *k, const char *why, struct str what)
{
	if (k->said++ < CHECK_SHARED_FAULTS_MAX)
		config_warn(k->f, k->path, k->line, "%s: '%.*s'", why, STR_FMT(what));
}

static struct str printed(struct str s)
{
	return str_has_ctl(s) || s.n > 200 ? STR("...") : s;
}

/* The folder that is above a path, with its mode: accounts must get through. */
static bool passable(const char *path)
{
	struct stat st;
	bool yes = true;
	char *up = mem_strdup(path);
	for (char *slash = strrchr(up, '/'); yes && slash && slash > up; slash = strrchr(up, '/')) {
		*slash = 0;
		yes = stat(up, &st) == 0 && (st.st_mode & S_IXOTH);
	}
	free(up);
	return yes;
}

/* Whether it can be read counts only where root keeps it for accounts of other uids; without it the
 * rest works, so that stops nothing. */
static void check_mode(struct config_faults *f, const char *path)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return;
	if (!S_ISREG(st.st_mode))
		config_warn(f, path, 0, "is no file, and nothing is read of it");
	else if (st.st_mode & S_IWOTH)
		config_fault(f, path, 0,
		    "everybody may change it, and so what is open to every account; chmod o-w %s",
		    path);
	else if (st.st_mode & S_IWGRP)
		config_warn(f, path, 0,
		    "its group may change it, and so what is open to every account; chmod g-w %s",
		    path);
	else if (st.st_uid == 0 && st.st_size && !(st.st_mode & S_IROTH))
		config_warn(f, path, 0,
		    "accounts can't read it, and so see no shared folders; chmod o+r %s", path);
	else if (st.st_uid == 0 && st.st_size && !passable(path))
		config_warn(f, path, 0,
		    "accounts can't reach it, and so see no shared folders; chmod o+x the folders "
		    "above it");
}

/* ---- the index ---- */

static bool climbs(struct str path)
{
	struct str part;
	while (str_split(&path, '/', &part))
		if (str_is(part, ".."))
			return true;
	return false;
}

static void check_maildir(struct checked *k, struct str uid, const char *maildir)
{
	struct stat st;
	uint64_t owner;
	struct str where = printed(str_of(maildir));
	if (climbs(str_of(maildir)))
		say(k, "a path with '..'", where);
	else if (stat(maildir, &st) < 0)
		say(k,
		    errno == EACCES ? "cannot look at this Maildir"
				    : "no such Maildir on this host",
		    where);
	else if (!maildir_exists(maildir))
		say(k, "this is no Maildir", where);
	else if (st.st_uid == 0)
		say(k, "this Maildir is root's, and no account's", where);
	else if (str_u64(uid, &owner) && owner != st.st_uid)
		say(k, "this Maildir is not of the uid in the line", where);
}

static void check_account(
    struct checked *k, struct str line, const struct maildir_index_line *e, const char *path)
{
	struct str name, uid = STR_NONE;
	struct buf shown;
	buf_init(&shown, MAILDIR_INDEX_NAME_MAX * 4);
	if (maildir_index_munge(e->name, k->escapes, &shown) && map_get(k->names, buf_str(&shown)))
		say(k, "a name that stands further up already, the line has no effect",
		    printed(e->name));
	map_set(k->names, buf_str(&shown), k);
	buf_free(&shown);
	if (e->file.n) {
		char *group = mem_printf(
		    "%.*s%.*s", (int)(strrchr(path, '/') - path + 1), path, STR_FMT(e->file));
		struct stat st;
		if (stat(group, &st) < 0)
			say(k, "a group without its file", printed(e->file));
		free(group);
		return;
	}
	str_split(&line, '\t', &name);
	str_split(&line, '\t', &uid);
	bool absolute = e->maildir.p[0] == '/';
	char *maildir = absolute ? mem_strndup(e->maildir.p, e->maildir.n)
				 : mem_printf("%.*s/%.*s", STR_FMT(e->home), STR_FMT(e->maildir));
	check_maildir(k, uid, maildir);
	free(maildir);
}

static void end(struct checked *k)
{
	if (k->said > CHECK_SHARED_FAULTS_MAX)
		config_warn(
		    k->f, k->path, 0, "and %u lines more", k->said - CHECK_SHARED_FAULTS_MAX);
	map_free(k->names, NULL);
}

static bool blank(struct str line)
{
	line = str_trim(line);
	return line.n == 0 || line.p[0] == '#';
}

static void check_index(struct config_faults *f, const char *path, bool escapes)
{
	struct checked k = {.f = f, .path = path, .escapes = escapes, .names = map_new()};
	struct maildir_index_line e;
	struct buf text;
	struct str rest, line;
	buf_init(&text, MAILDIR_INDEX_FILE_MAX);
	check_mode(f, path);
	if (file_read(AT_FDCWD, path, &text) < 0)
		config_fault(f, path, 0, "can't be read");
	rest = buf_str(&text);
	while (str_split(&rest, '\n', &line)) {
		k.line++;
		if (blank(line))
			continue;
		if (maildir_index_line(line, &e))
			check_account(&k, line, &e, path);
		else
			say(&k,
			    "no line of an index (NAME, uid, gid, HOME, with tabs between them)",
			    printed(line));
	}
	buf_free(&text);
	end(&k);
}

/* Every file that a sharedgroup may name. */
static void check_indexes(
    const struct instance *in, const struct config *c, struct config_faults *f)
{
	glob_t g = {0};
	const char *set = config_z(c, imapd_component.name, "IMAP_SHAREDINDEXFILE", NULL);
	bool escapes = config_bool(c, imapd_component.name, "IMAP_SHAREDMUNGENAMES", NULL);
	const char *name = set && *set ? set : "shared/index";
	char *first = name[0] == '/' ? mem_strdup(name) : instance_path(in->etc, name);
	char *pattern = mem_printf("%s*", first);
	if (glob(pattern, 0, NULL, &g) == 0)
		for (size_t i = 0; i < g.gl_pathc; i++)
			check_index(f, g.gl_pathv[i], escapes);
	globfree(&g);
	free(pattern);
	free(first);
}

/* ---- maildirshared ---- */

static void check_sharable(struct checked *k, struct str line)
{
	struct str nick;
	struct stat st;
	if (!str_word(&line, &nick) || (line = str_trim(line)).n == 0 || line.p[0] != '/') {
		say(k, "no line of a name and an absolute path", printed(nick));
		return;
	}
	char *path = mem_strndup(line.p, line.n);
	if (str_chr(nick, '.') >= 0 || !maildir_folder_ok(nick))
		say(k, "not a name that folders may have", printed(nick));
	else if (map_get(k->names, nick))
		say(k, "a name that stands further up already, the line has no effect", nick);
	else if (stat(path, &st) < 0 || !maildir_exists(path))
		say(k, "no such Maildir on this host", printed(line));
	else if ((st.st_mode & 050) != 050)
		say(k, "this Maildir is open to nobody (maildirmake -S makes one that is)",
		    printed(line));
	map_set(k->names, nick, k);
	free(path);
}

static void check_sharables(const struct instance *in, struct config_faults *f)
{
	char *path = instance_path(in->etc, "maildirshared");
	struct checked k = {.f = f, .path = path, .names = map_new()};
	struct stat st;
	struct buf text;
	struct str rest, line;
	buf_init(&text, 1 << 20);
	if (stat(path, &st) == 0)
		check_mode(f, path);
	rest = file_read(AT_FDCWD, path, &text) == 0 ? buf_str(&text) : STR("");
	while (str_split(&rest, '\n', &line)) {
		k.line++;
		if (!blank(line))
			check_sharable(&k, str_trim(line));
	}
	buf_free(&text);
	end(&k);
	free(path);
}

void check_shared(const struct instance *in, const struct config *c, struct config_faults *f)
{
	if (c)
		check_indexes(in, c, f);
	check_sharables(in, f);
}
