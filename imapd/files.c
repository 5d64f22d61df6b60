/*
 * Folders shared by file permissions (access-formats, section 10): everybody who uses one has a
 * copy of it, a folder of symbolic links with UIDs, flags and keywords of their own.  What a link
 * says counts by its last part alone, which is looked for in the shared folder.
 */
#include "config.h"

#include "imapd/share-private.h"
#include "unicode/unicode.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MESSAGES_MAX = 1000000, CERTAIN_MS = 2000 };

struct copying {
	const struct place *p;
	int source, copy;  /* cur/ of both */
	struct map *there; /* base name -> file name in the source */
	struct map *have;  /* base names that the copy has a good link for */
};

/* What was looked at last, so that a folder that stays as it is costs two stat() calls. */
static struct {
	dev_t dev;
	ino_t ino;
	int64_t cur_ns, new_ns;
} last;

static int64_t mtime_ns(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static bool unchanged(const struct place *p)
{
	struct stat cur, new, copy;
	char *c = mem_printf("%s/cur", p->source), *n = mem_printf("%s/new", p->source);
	char *d = mem_printf("%s/cur", p->dir);
	bool known = stat(c, &cur) == 0 && stat(n, &new) == 0 && stat(d, &copy) == 0;
	bool same = known && last.dev == copy.st_dev && last.ino == copy.st_ino &&
		    last.cur_ns == mtime_ns(&cur) && last.new_ns == mtime_ns(&new) &&
		    clock_now_us() - last.cur_ns / 1000 > CERTAIN_MS * 1000;
	if (known) {
		last.dev = copy.st_dev;
		last.ino = copy.st_ino;
		last.cur_ns = mtime_ns(&cur);
		last.new_ns = mtime_ns(&new);
	}
	free(c);
	free(n);
	free(d);
	return same;
}

static int make_copy(const struct place *p)
{
	char *link = mem_printf("%s/shared", p->dir);
	int r = maildir_exists(p->dir) ? 0 : maildir_make(p->dir, 0700);
	if (r == 0 && symlink(p->source, link) < 0 && errno != EEXIST)
		r = -1;
	free(link);
	return r;
}

static struct str base_of(const char *file)
{
	struct maildir_name n;
	return file[0] != '.' && maildir_name_parse(str_of(file), &n) ? n.base : STR_NONE;
}

static DIR *open_dir(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *h = copy < 0 ? NULL : fdopendir(copy);
	if (!h && copy >= 0)
		close(copy);
	return h;
}

/* Mail that was delivered there: the first who looks moves it on, if they may. */
static void take_new(const struct place *p, int cur)
{
	struct dirent *e;
	char to[MAILDIR_NAME_MAX + 8];
	char *path = mem_printf("%s/new", p->source);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *h = fd < 0 ? NULL : open_dir(fd);
	while (h && (e = readdir(h))) {
		struct str base = base_of(e->d_name);
		if (!base.n || snprintf(to, sizeof to, "%.*s:2,", STR_FMT(base)) >= (int)sizeof to)
			continue;
		if (renameat(fd, e->d_name, cur, to) < 0 && errno != ENOENT)
			break;
	}
	if (h)
		closedir(h);
	if (fd >= 0)
		close(fd);
	free(path);
}

static int read_source(struct copying *c)
{
	struct dirent *e;
	DIR *h = open_dir(c->source);
	while (h && (e = readdir(h)) && map_count(c->there) < MESSAGES_MAX) {
		struct str base = base_of(e->d_name);
		if (base.n && !map_get(c->there, base))
			map_set(c->there, base, mem_strdup(e->d_name));
	}
	if (h)
		closedir(h);
	return h ? 0 : -1;
}

/* A link that leads to the message under the name that it has now. */
static bool leads_there(struct copying *c, const char *link, const char *file)
{
	char to[4096];
	ssize_t n = readlinkat(c->copy, link, to, sizeof to - 1);
	to[n < 0 ? 0 : n] = 0;
	const char *slash = strrchr(to, '/');
	return n > 0 && strcmp(slash ? slash + 1 : to, file) == 0;
}

/* The link keeps its name, and with it flags and UID. */
static void point_again(struct copying *c, const char *link, const char *file)
{
	char tmp[64], *to = mem_printf("%s/cur/%s", c->p->source, file);
	random_token(tmp, 20);
	char *hidden = mem_printf(".%s", tmp);
	if (symlinkat(to, c->copy, hidden) == 0 && renameat(c->copy, hidden, c->copy, link) < 0)
		unlinkat(c->copy, hidden, 0);
	free(hidden);
	free(to);
}

static int clear_copy(struct copying *c)
{
	static char yes[1];
	struct dirent *e;
	DIR *h = open_dir(c->copy);
	while (h && (e = readdir(h))) {
		struct str base = base_of(e->d_name);
		const char *file = base.n ? map_get(c->there, base) : NULL;
		if (base.n && !file)
			unlinkat(c->copy, e->d_name, 0);
		if (!file)
			continue;
		if (!leads_there(c, e->d_name, file))
			point_again(c, e->d_name, file);
		map_set(c->have, base, yes);
	}
	if (h)
		closedir(h);
	return h ? 0 : -1;
}

static int add_links(struct copying *c)
{
	size_t at = 0;
	struct str base;
	void *file;
	int r = 0;
	while (r == 0 && map_next(c->there, &at, &base, &file)) {
		if (map_get(c->have, base))
			continue;
		char *to = mem_printf("%s/cur/%s", c->p->source, (char *)file);
		char *name = mem_printf("%.*s:2,", STR_FMT(base));
		if (symlinkat(to, c->copy, name) < 0 && errno != EEXIST)
			r = -1;
		free(name);
		free(to);
	}
	return r;
}

static int open_cur(const char *dir)
{
	char *path = mem_printf("%s/cur", dir);
	int fd = maildir_rogue_link(dir) ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(path);
	return fd;
}

int files_sync(const struct place *p)
{
	struct copying c = {.p = p, .there = map_new(), .have = map_new()};
	int r = 0, saved;
	if (!unchanged(p)) {
		r = make_copy(p);
		c.source = r == 0 ? open_cur(p->source) : -1;
		c.copy = r == 0 ? open_cur(p->dir) : -1;
		if (c.source < 0 || c.copy < 0)
			r = -1;
		if (r == 0) {
			take_new(p, c.source);
			r = read_source(&c) < 0 || clear_copy(&c) < 0 ? -1 : add_links(&c);
		}
		saved = errno;
		if (c.source >= 0)
			close(c.source);
		if (c.copy >= 0)
			close(c.copy);
		errno = saved;
	}
	if (r < 0)
		last.ino = 0;
	map_free(c.there, free);
	map_free(c.have, NULL);
	return r;
}

int files_unsubscribe(const struct place *p)
{
	int r = maildir_remove_dir(".", p->dir);
	const char *slash = strrchr(p->dir, '/');
	char *above = mem_strndup(p->dir, (size_t)(slash - p->dir));
	if (r == 0)
		rmdir(above); /* only when it was the last */
	free(above);
	return r;
}

bool files_subscribed(const struct place *p)
{
	return maildir_exists(p->dir);
}

void files_list_subscribed(struct session *s, share_name_fn *name, void *ctx)
{
	struct dirent *e;
	for (size_t i = 0; s->share && i < s->share->sharables.n; i++) {
		const char *nick = s->share->sharables.v[i].name;
		char *path = mem_printf("shared-folders/%s", nick);
		DIR *h = opendir(path);
		while (h && (e = readdir(h))) {
			const char *folder = e->d_name + (e->d_name[0] == '.');
			struct place p;
			char *full = mem_printf("shared.%s.%s", nick, folder);
			if (*folder && *folder != '.' && utf8_valid(str_of(full)) &&
			    place_find(s, full, &p) && p.exists && files_subscribed(&p))
				name(ctx, full);
			else
				free(full);
		}
		if (h)
			closedir(h);
		free(path);
	}
}
