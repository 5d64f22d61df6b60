#include "config.h"

#include "base/base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int file_open_read(int dirfd, const char *path)
{
	struct stat st;
	/* O_NONBLOCK: a FIFO put in our way must not hold us up */
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	errno = EINVAL;
	return -1;
}

int file_read_fd(int fd, struct buf *out)
{
	for (;;) {
		size_t room = out->max - out->n;
		size_t want = room < 65536 ? room : 65536;
		if (want == 0) {
			char extra;
			ssize_t more = read(fd, &extra, 1);
			if (more > 0)
				errno = EFBIG;
			return more == 0 ? 0 : -1;
		}
		char *to = buf_reserve(out, want);
		if (!to) {
			errno = ENOMEM;
			return -1;
		}
		ssize_t got = read(fd, to, want);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0 ? 0 : -1;
		out->n += (size_t)got;
		out->p[out->n] = 0;
	}
}

int file_read(int dirfd, const char *path, struct buf *out)
{
	int fd = file_open_read(dirfd, path);
	if (fd < 0)
		return -1;
	int r = file_read_fd(fd, out), saved = errno;
	close(fd);
	errno = saved;
	return r;
}

int file_create(int dirfd, const char *path, mode_t mode)
{
	return openat(dirfd, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
}

int file_write_all(int fd, const void *p, size_t n)
{
	const char *at = p;
	while (n) {
		ssize_t done = write(fd, at, n);
		if (done < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		at += done;
		n -= (size_t)done;
	}
	return 0;
}

int file_pread_all(int fd, void *p, size_t n, off_t at)
{
	char *to = p;
	while (n) {
		ssize_t got = pread(fd, to, n, at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			if (got == 0)
				errno = EIO;
			return -1;
		}
		to += got;
		at += got;
		n -= (size_t)got;
	}
	return 0;
}

int file_sync(int fd)
{
	return fdatasync(fd);
}

int file_sync_full(int fd)
{
	return fsync(fd);
}

int file_sync_dir(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	int r = fsync(fd), saved = errno;
	close(fd);
	errno = saved;
	return r;
}

int file_close(int fd)
{
	/* On Linux the descriptor is gone even after EINTR, and nothing was lost by it. */
	return close(fd) == 0 || errno == EINTR ? 0 : -1;
}

int file_rename(int fromdir, const char *from, int todir, const char *to)
{
	return renameat(fromdir, from, todir, to);
}

int file_link(int fromdir, const char *from, int todir, const char *to)
{
	return linkat(fromdir, from, todir, to, 0);
}

int file_unlink(int dirfd, const char *path)
{
	return unlinkat(dirfd, path, 0);
}

void file_unlink_below(int dirfd, int64_t least)
{
	int fd = dirfd < 0 ? -1 : openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	uint64_t n;
	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (struct dirent *e; (e = readdir(d));)
		if (str_u64(str_of(e->d_name), &n) && n <= INT64_MAX && (int64_t)n < least)
			file_unlink(dirfd, e->d_name);
	closedir(d);
}

static int sync_parent(int dirfd, const char *path)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	if (!slash)
		return file_sync_dir(dirfd, ".");
	if (slash == path)
		return file_sync_dir(dirfd, "/");
	if ((size_t)snprintf(dir, sizeof dir, "%.*s", (int)(slash - path), path) >= sizeof dir) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return file_sync_dir(dirfd, dir);
}

int file_mkdirs(int dirfd, const char *path, mode_t mode)
{
	char part[PATH_MAX];
	size_t n = strlen(path);
	if (n >= sizeof part) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != 0)
			continue;
		memcpy(part, path, i);
		part[i] = 0;
		if (mkdirat(dirfd, part, mode) == 0) {
			if (sync_parent(dirfd, part) < 0)
				return -1;
		} else if (errno != EEXIST) {
			return -1;
		}
	}
	return 0;
}

static int write_synced(int fd, const void *p, size_t n)
{
	int r = file_write_all(fd, p, n) < 0 || file_sync_full(fd) < 0 ? -1 : 0, saved = errno;
	if (file_close(fd) < 0 && r == 0)
		return -1;
	errno = saved;
	return r;
}

int file_replace(int dirfd, const char *path, const void *p, size_t n, mode_t mode)
{
	char tmp[PATH_MAX], token[13];
	const char *slash = strrchr(path, '/');
	int dirlen = slash ? (int)(slash - path) + 1 : 0;
	random_token(token, 12);
	if ((size_t)snprintf(tmp, sizeof tmp, "%.*s.%s.%s", dirlen, path, path + dirlen, token) >=
	    sizeof tmp) {
		errno = ENAMETOOLONG;
		return -1;
	}
	int fd = file_create(dirfd, tmp, mode);
	if (fd < 0)
		return -1;
	if (write_synced(fd, p, n) < 0 || file_rename(dirfd, tmp, dirfd, path) < 0) {
		int saved = errno;
		unlinkat(dirfd, tmp, 0);
		errno = saved;
		return -1;
	}
	return sync_parent(dirfd, path);
}
