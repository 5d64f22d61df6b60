/* Who could change where a path leads: name by name from the root, through every link on the way.
 */
#include "config.h"

#include "base/base.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINKS_MAX = 40, OTHERS_WRITE = S_IWGRP | S_IWOTH };

struct way {
	char at[PATH_MAX];   /* where we are, without links; "" is the root */
	char rest[PATH_MAX]; /* what is still to go */
	uid_t owner;
	unsigned links;
	bool any_file; /* the file at the end may be anybody's */
};

/* In a folder with the sticky bit names are their owner's only, though anybody adds some. */
static bool kept(const struct way *w, const struct stat *st)
{
	if (st->st_uid != 0 && st->st_uid != w->owner)
		return false;
	return S_ISLNK(st->st_mode) || !(st->st_mode & OTHERS_WRITE) ||
	       (S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX));
}

static bool here(const struct way *w, struct stat *st)
{
	return lstat(w->at[0] ? w->at : "/", st) == 0;
}

static void up(struct way *w)
{
	char *slash = strrchr(w->at, '/');
	if (slash)
		*slash = 0;
}

/* What the link says goes before the rest. */
static bool follow(struct way *w)
{
	char to[PATH_MAX], rest[PATH_MAX];
	ssize_t n = readlink(w->at, to, sizeof to - 1);
	if (n <= 0 || ++w->links > LINKS_MAX)
		return false;
	to[n] = 0;
	if (snprintf(rest, sizeof rest, "%s/%s", to, w->rest) >= PATH_MAX)
		return false;
	memcpy(w->rest, rest, strlen(rest) + 1);
	if (to[0] == '/')
		w->at[0] = 0;
	else
		up(w);
	return true;
}

/* Takes the next name off the rest; the empty one at the end. */
static struct str next_name(struct way *w, char *name)
{
	const char *from = w->rest + strspn(w->rest, "/");
	size_t n = strcspn(from, "/"), used = (size_t)(from - w->rest) + n;
	used += strspn(w->rest + used, "/");
	memcpy(name, from, n);
	name[n] = 0;
	memmove(w->rest, w->rest + used, strlen(w->rest + used) + 1);
	return str_at(name, n);
}

static bool enter(struct way *w, struct str name)
{
	struct stat folder, st;
	size_t n = strlen(w->at);
	if (!here(w, &folder) || n + name.n + 2 > sizeof w->at)
		return false;
	snprintf(w->at + n, sizeof w->at - n, "/%.*s", STR_FMT(name));
	if (!here(w, &st))
		return false;
	if (w->any_file && S_ISREG(st.st_mode))
		return !(folder.st_mode & OTHERS_WRITE);
	if (!kept(w, &st))
		return false;
	return !S_ISLNK(st.st_mode) || follow(w);
}

static bool walk(struct way *w)
{
	char buffer[PATH_MAX];
	struct str name;
	struct stat root;
	if (w->rest[0] != '/' || !here(w, &root) || !kept(w, &root))
		return false;
	while ((name = next_name(w, buffer)).n) {
		if (str_is(name, ".."))
			up(w);
		else if (!str_is(name, ".") && !enter(w, name))
			return false;
	}
	return true;
}

static bool trusted(const char *path, uid_t owner, bool any_file)
{
	struct way w = {.owner = owner, .any_file = any_file};
	return snprintf(w.rest, sizeof w.rest, "%s", path) < PATH_MAX && walk(&w);
}

bool file_path_trusted(const char *path, uid_t owner)
{
	char *whole = realpath(path, NULL); /* a path from the working folder has no other way */
	bool good = trusted(path[0] == '/' || !whole ? path : whole, owner, false);
	free(whole);
	return good;
}

bool file_way_trusted(const char *path, uid_t owner)
{
	return trusted(path, owner, true);
}
