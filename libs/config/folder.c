#include <config.h>

#include "config/folder.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER_FILES_MAX = 10000 };

enum folder_verdict folder_judge(struct str name, bool newer)
{
	if (name.n == 0 || name.p[0] == '.' || str_chr(name, '~') >= 0 ||
	    str_ends(name, STR(".dat")))
		return FOLDER_SKIP;
	if (str_ends(name, STR(".rpmsave")) || str_ends(name, STR(".rpmnew")) ||
	    str_find(name, STR(".dpkg-")) >= 0)
		return FOLDER_LEFTOVER;
	if (str_ends(name, STR(".dist")))
		return newer ? FOLDER_SKIP : FOLDER_LEFTOVER;
	return FOLDER_TAKE;
}

/* Whether the file without ".dist" is newer than the one with. */
static bool has_newer(int dir, const char *name)
{
	struct str base = str_of(name);
	struct stat dist, own;
	if (!str_ends(base, STR(".dist")))
		return false;
	char *z = mem_strndup(base.p, base.n - 5);
	bool there = fstatat(dir, name, &dist, 0) == 0 && fstatat(dir, z, &own, 0) == 0;
	free(z);
	return there && (own.st_mtim.tv_sec > dist.st_mtim.tv_sec ||
			    (own.st_mtim.tv_sec == dist.st_mtim.tv_sec &&
				own.st_mtim.tv_nsec > dist.st_mtim.tv_nsec));
}

/* Takes out of the list what takes no part; the number of leftovers. */
static unsigned judge_all(int dir, const char *where, bool strict, struct dirent **list, int n)
{
	unsigned leftovers = 0;
	for (int i = 0; i < n; i++) {
		struct stat st;
		enum folder_verdict v =
		    folder_judge(str_of(list[i]->d_name), has_newer(dir, list[i]->d_name));
		if (v == FOLDER_TAKE && fstatat(dir, list[i]->d_name, &st, 0) == 0 &&
		    S_ISREG(st.st_mode))
			continue;
		if (v == FOLDER_LEFTOVER) {
			leftovers++;
			log_msg(strict ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, NULL,
			    "'%s/%s' is a leftover of an upgrade: merge it, then rename or remove "
			    "it",
			    where, list[i]->d_name);
		}
		free(list[i]);
		list[i] = NULL;
	}
	return leftovers;
}

int folder_each(int dir, const char *where, bool strict,
    int (*fn)(void *ctx, int dir, const char *name), void *ctx)
{
	struct dirent **list;
	int n = scandirat(dir, ".", &list, NULL, alphasort), r = 0;
	if (n < 0)
		return -1;
	if (n > FOLDER_FILES_MAX) {
		errno = EFBIG;
		r = -1;
	} else if (judge_all(dir, where, strict, list, n) && strict) {
		errno = EEXIST;
		r = -1;
	}
	for (int i = 0; i < n; i++) {
		if (list[i] && r == 0)
			r = fn(ctx, dir, list[i]->d_name);
		free(list[i]);
	}
	int e = errno;
	free(list);
	errno = e;
	return r;
}

/* ---- joined ---------------------------------------------------------------------------------- */

static int add_file(void *ctx, int dir, const char *name)
{
	struct buf *out = ctx, one;
	buf_init(&one, out->max);
	int r = file_read(dir, name, &one);
	if (r == 0 && (!buf_adds(out, buf_str(&one)) || !buf_addc(out, '\n'))) {
		errno = EFBIG;
		r = -1;
	}
	buf_free(&one);
	return r;
}

static int add_folder(int etc, const char *name, bool strict, struct buf *out)
{
	int dir = openat(etc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -1;
	int r = folder_each(dir, name, strict, add_file, out);
	int e = errno;
	close(dir);
	errno = e;
	return r;
}

int config_text_at(int at, const char *name, bool strict, struct buf *out)
{
	struct stat st;
	int r = 0;
	if (fstatat(at, name, &st, 0) == 0) {
		r = S_ISDIR(st.st_mode) ? add_folder(at, name, strict, out)
					: add_file(out, at, name);
		r = r < 0 ? -1 : 1;
	} else if (errno != ENOENT)
		r = -1;
	if (r < 0)
		log_error(NULL, "cannot read '%s': %s", name,
		    errno == EEXIST ? "see above" : strerror(errno));
	return r;
}

int config_text(const char *etc, const char *name, bool strict, struct buf *out)
{
	int dir = open(etc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		log_error(NULL, "cannot read the folder '%s': %s", etc, strerror(errno));
		return -1;
	}
	int r = config_text_at(dir, name, strict, out), e = errno;
	close(dir);
	errno = e;
	return r;
}
