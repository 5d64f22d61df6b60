#include "config.h"

#include "maildir/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TMP_AGE = 36 * 3600, NAME_TRIES = 20, DELIVERY_BUFFER = 65536 };

struct maildir_delivery {
	struct maildir_deliver_options o;
	char *dir;
	int dirfd, fd;
	int error; /* errno of the first failure */
	int64_t size;
	bool counted; /* quota */
	size_t pending;
	char stem[160];                 /* <sec>.M<usec>P<pid> */
	char unique[32];                /* "_tag", "_n" or nothing */
	char tmp[MAILDIR_NAME_MAX + 8]; /* "tmp/..." */
	char target[640];               /* "new/..."; set by prepare */
	char buffer[DELIVERY_BUFFER];
};

static bool is_shared(int dirfd)
{
	struct stat st;
	const mode_t shared = S_ISGID | S_IRWXG;
	return fstatat(dirfd, "tmp", &st, 0) == 0 && (st.st_mode & shared) == shared;
}

int maildir_share(int dirfd, int fd)
{
	return is_shared(dirfd) ? fchmod(fd, 0660) : 0;
}

int maildir_share_folder(int dirfd, const char *path)
{
	return is_shared(dirfd) ? fchmodat(dirfd, path, 02770, 0) : 0;
}

static int create_tmp(struct maildir_delivery *d)
{
	static atomic_uint counter;
	for (int i = 0; i < NAME_TRIES; i++) {
		int64_t us = clock_unique_us();
		unsigned c = atomic_fetch_add(&counter, 1);
		snprintf(d->stem, sizeof d->stem, "%lld.M%06lldP%ld", (long long)(us / 1000000),
		    (long long)(us % 1000000), (long)getpid());
		if (d->o.tag)
			snprintf(d->unique, sizeof d->unique, "_%.20s", d->o.tag);
		else if (c)
			snprintf(d->unique, sizeof d->unique, "_%u", c);
		snprintf(d->tmp, sizeof d->tmp, "tmp/%s%s.%s", d->stem, d->unique, maildir_host());
		d->fd = file_create(d->dirfd, d->tmp, d->o.mode ? d->o.mode : 0600);
		if (d->fd >= 0 || errno != EEXIST)
			return d->fd < 0 ? -1 : maildir_share(d->dirfd, d->fd);
	}
	return -1;
}

static int quota_first(struct maildir_delivery *d)
{
	if (maildir_is_trash(d->dir))
		d->o.flags |= MAILDIR_NO_QUOTA;
	if (d->o.flags & MAILDIR_NO_QUOTA)
		return 0;
	if (d->o.quota && maildir_quota_set(d->dir, d->o.quota) < 0)
		return -1;
	return d->o.size_hint > 0 ? maildir_quota_check(d->dir, d->o.size_hint, 1) : 0;
}

struct maildir_delivery *maildir_deliver_begin(
    const char *dir, const struct maildir_deliver_options *o)
{
	struct maildir_delivery *d = mem_alloc(sizeof *d);
	memset(d, 0, offsetof(struct maildir_delivery, buffer));
	d->fd = -1;
	d->dir = mem_strdup(dir);
	if (o)
		d->o = *o;
	d->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->dirfd >= 0 && quota_first(d) == 0 && create_tmp(d) == 0)
		return d;
	maildir_deliver_abort(&d);
	return NULL;
}

static int flush(struct maildir_delivery *d)
{
	if (!d->error && d->pending && file_write_all(d->fd, d->buffer, d->pending) < 0)
		d->error = errno ? errno : EIO;
	d->pending = 0;
	errno = d->error;
	return d->error ? -1 : 0;
}

int maildir_deliver_write(struct maildir_delivery *d, const void *p, size_t n)
{
	if (!d || d->error) {
		errno = d ? d->error : EBADF;
		return -1;
	}
	if (!n)
		return 0;
	d->size += (int64_t)n;
	if (n > sizeof d->buffer - d->pending && flush(d) < 0)
		return -1;
	if (n < sizeof d->buffer) {
		memcpy(d->buffer + d->pending, p, n);
		d->pending += n;
		return 0;
	}
	if (file_write_all(d->fd, p, n) < 0)
		d->error = errno;
	return d->error ? -1 : 0;
}

int maildir_deliver_fd(struct maildir_delivery *d)
{
	flush(d);
	return d->fd;
}

static int set_mtime(struct maildir_delivery *d)
{
	struct timespec times[2] = {{.tv_sec = d->o.mtime}, {.tv_sec = d->o.mtime}};
	return d->o.mtime > 0 ? futimens(d->fd, times) : 0;
}

static int name_target(struct maildir_delivery *d)
{
	struct stat st;
	char size[32] = "", letters[MAILDIR_LETTERS_MAX + 1] = "";
	if (fstat(d->fd, &st) < 0)
		return -1;
	d->size = st.st_size;
	if (st.st_size > 0)
		snprintf(size, sizeof size, ",S=%lld", (long long)st.st_size);
	if (d->o.letters) {
		struct str given = str_of(d->o.letters);
		maildir_flags_letters(maildir_flags_of(given), given, letters);
	}
	snprintf(d->target, sizeof d->target, "%s/%sV%016llXI%016llX%s.%s%s%s%s",
	    d->o.letters ? "cur" : "new", d->stem, (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino, d->unique, maildir_host(), size,
	    d->o.letters ? ":2," : "", letters);
	return 0;
}

static int complete(struct maildir_delivery *d)
{
	if (flush(d) < 0 || set_mtime(d) < 0 || name_target(d) < 0)
		return -1;
	if (!(d->o.flags & MAILDIR_NO_QUOTA) && maildir_quota_check(d->dir, d->size, 1) < 0)
		return -1;
	return d->o.flags & MAILDIR_NO_SYNC ? 0 : file_sync_full(d->fd);
}

int maildir_deliver_prepare(struct maildir_delivery *d, struct buf *name)
{
	if (!d->target[0] && complete(d) < 0) {
		d->error = errno ? errno : EIO;
		return -1;
	}
	if (name && !buf_addz(name, d->target + 4)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

static int store_keywords(struct maildir_delivery *d)
{
	struct maildir_name m;
	if (!d->o.nkeywords)
		return 0;
	if (!maildir_name_parse(str_of(d->target + 4), &m)) {
		errno = EINVAL;
		return -1;
	}
	return maildir_keywords_write(d->dirfd, m.base, d->o.keywords, d->o.nkeywords);
}

static int publish(struct maildir_delivery *d)
{
	bool sync = !(d->o.flags & MAILDIR_NO_SYNC);
	int fd = d->fd;
	d->fd = -1;
	if (file_close(fd) < 0 || store_keywords(d) < 0 ||
	    file_rename(d->dirfd, d->tmp, d->dirfd, d->target) < 0)
		return -1;
	d->tmp[0] = 0;
	if (sync && file_sync_dir(d->dirfd, d->o.letters ? "cur" : "new") < 0) {
		int saved = errno;
		file_unlink(d->dirfd, d->target); /* it was not promised to anybody */
		errno = saved;
		return -1;
	}
	return 0;
}

int maildir_deliver_finish(struct maildir_delivery **dp, struct buf *name)
{
	struct maildir_delivery *d = *dp;
	if (!d || d->error) {
		errno = d ? d->error : EBADF;
		maildir_deliver_abort(dp);
		return -1;
	}
	int r = maildir_deliver_prepare(d, name) < 0 || publish(d) < 0 ? -1 : 0;
	/* Usage that could not be noted is found at the next count; the message stands. */
	if (r == 0 && !(d->o.flags & MAILDIR_NO_QUOTA) && maildir_quota_add(d->dir, d->size, 1) < 0)
		log_warning(NULL, "cannot note the quota of '%s': %m", d->dir);
	maildir_deliver_abort(dp);
	return r;
}

int maildir_deliver_publish(struct maildir_delivery **dp)
{
	if (*dp && maildir_deliver_prepare(*dp, NULL) == 0)
		(*dp)->o.flags |= MAILDIR_NO_SYNC;
	return maildir_deliver_finish(dp, NULL);
}

void maildir_deliver_abort(struct maildir_delivery **dp)
{
	struct maildir_delivery *d = *dp;
	int saved = errno;
	if (!d)
		return;
	if (d->fd >= 0)
		close(d->fd);
	if (d->tmp[0] && d->dirfd >= 0)
		unlinkat(d->dirfd, d->tmp, 0);
	if (d->dirfd >= 0)
		close(d->dirfd);
	free(d->dir);
	free(d);
	*dp = NULL;
	errno = saved;
}

int maildir_tmp_clean(const char *dir)
{
	return maildir_tmp_clean_at(dir, clock_now());
}

int maildir_tmp_clean_at(const char *dir, int64_t now)
{
	int64_t limit = now - TMP_AGE;
	char *path = mem_printf("%s/tmp", dir);
	DIR *h = opendir(path);
	struct dirent *e;
	struct stat st;
	free(path);
	if (!h)
		return -1;
	while ((e = readdir(h)))
		if (e->d_name[0] != '.' &&
		    fstatat(dirfd(h), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && st.st_ctime < limit && st.st_mtime < limit)
			unlinkat(dirfd(h), e->d_name, 0);
	closedir(h);
	return 0;
}
