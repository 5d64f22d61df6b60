#include "config.h"

#include "local/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int home_enter(const char *home, struct buf *why)
{
	struct stat st;
	if (chdir(home) < 0 || stat(".", &st) < 0) {
		int error = errno;
		buf_addf(why, "cannot enter the home folder '%s': %s", home, strerror(error));
		return error == ENOENT ? -2 : -1;
	}
	if (st.st_mode & S_ISVTX)
		buf_addf(why, "the home folder '%s' is locked (its sticky bit is set)", home);
	else if (st.st_mode & S_IWOTH)
		buf_addf(why, "the home folder '%s' may be written by anybody", home);
	else if (access(".", R_OK | X_OK) < 0)
		buf_addf(why, "cannot read the home folder '%s': %s", home, strerror(errno));
	else
		return 0;
	return -1;
}

/* Others must not be able to have programs run in this user's name.  A home that is shared with a
 * group gets its mail, but has no instructions of its own. */
static bool trusted(int fd, struct stat *st)
{
	struct stat home;
	return fstat(fd, st) == 0 && S_ISREG(st->st_mode) && !(st->st_mode & (S_IWGRP | S_IWOTH)) &&
	       stat(".", &home) == 0 && !(home.st_mode & S_IWGRP) &&
	       (st->st_uid == geteuid() || st->st_uid == 0 || st->st_uid == home.st_uid);
}

/* 1 read, 0 there is no such file, -1 and *why. */
static int read_one(const char *name, struct buf *text, struct buf *why)
{
	struct stat st;
	int fd = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENAMETOOLONG))
		return 0;
	if (fd < 0) {
		buf_addf(why, "cannot open '%s': %s", name, strerror(errno));
		return -1;
	}
	int r = 1;
	if (!trusted(fd, &st)) {
		buf_addf(why,
		    "'%s' must be a file of its user, which like its folder nobody else may write",
		    name);
		r = -1;
	} else if (file_read_fd(fd, text) < 0) {
		buf_addf(why, "cannot read '%s': %s", name, strerror(errno));
		r = -1;
	}
	close(fd);
	return r;
}

int dot_find(const struct worker_rules *rules, struct str ext, struct buf *text, struct str *rest,
    struct buf *why)
{
	struct dot_names n = {
	    .dot = rules->dot, .ext = ext, .seps = rules->seps, .lower = rules->lower};
	struct buf name;
	int r = 0;
	buf_init(&name, 512);
	while (r == 0 && dot_names_next(&n, &name, rest))
		r = read_one(name.p, text, why);
	if (r == 0 && name.failed) { /* "no such extension" is for ever: it must be known */
		buf_addz(why, "out of memory");
		r = -1;
	}
	buf_free(&name);
	if (r == 0)
		return ext.n ? -1 : 0;
	return r > 0 ? 1 : -2;
}

enum broker_looked_at worker_look(
    const struct worker_rules *rules, const char *home, struct str ext)
{
	struct buf text, why;
	struct str rest;
	buf_init(&text, DOT_FILE_MAX);
	buf_init(&why, WORKER_TEXT_MAX);
	enum broker_looked_at r = BROKER_LOOK_UNREADABLE;
	if (home_enter(home, &why) == 0) {
		int found = dot_find(rules, ext, &text, &rest, &why);
		r = found >= 0    ? BROKER_LOOK_YES
		    : found == -1 ? BROKER_LOOK_NO
				  : BROKER_LOOK_UNREADABLE;
	}
	buf_free(&text);
	buf_free(&why);
	return r;
}
