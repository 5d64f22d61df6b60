#define _GNU_SOURCE
#include "failsys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static struct {
	atomic_bool armed;
	atomic_long count;
	long at;
	int error;
	bool forever;
} f;

void failsys_arm(long at, int error, bool forever)
{
	f.at = at;
	f.error = error;
	f.forever = forever;
	f.count = 0;
	f.armed = true;
}

long failsys_count(void)
{
	return f.count;
}

void failsys_disarm(void)
{
	f.armed = false;
}

__attribute__((constructor)) static void from_environment(void)
{
	const char *at = getenv("FAILSYS_AT"), *error = getenv("FAILSYS_ERRNO");
	if (at)
		failsys_arm(strtol(at, NULL, 10), error ? (int)strtol(error, NULL, 10) : 0,
		    getenv("FAILSYS_FOREVER") != NULL);
}

static bool hit(void)
{
	if (!f.armed)
		return false;
	long n = ++f.count;
	if (!f.at || (f.forever ? n < f.at : n != f.at))
		return false;
	if (!f.error) {
		syscall(SYS_kill, getpid(), SIGKILL);
		for (;;)
			pause();
	}
	errno = f.error;
	return true;
}

static bool is_file(int fd)
{
	struct stat st;
	return f.armed && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* Half of a write that kills stays: torn writes are the point. */
ssize_t write(int fd, const void *p, size_t n)
{
	return is_file(fd) && hit() ? -1 : syscall(SYS_write, fd, p, n);
}
ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	return is_file(fd) && hit() ? -1 : syscall(SYS_pwrite64, fd, p, n, at);
}
ssize_t pwrite64(int fd, const void *p, size_t n, off_t at) __attribute__((alias("pwrite")));

ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at)
{
	if (!is_file(fd))
		return syscall(SYS_pwritev, fd, v, n, at, 0);
	if (f.at && f.count + 1 == f.at && n)
		syscall(SYS_pwrite64, fd, v[0].iov_base, v[0].iov_len / 2, at);
	return hit() ? -1 : syscall(SYS_pwritev, fd, v, n, at, 0);
}
ssize_t pwritev64(int fd, const struct iovec *v, int n, off_t at) __attribute__((alias("pwritev")));

int fsync(int fd)
{
	return hit() ? -1 : (int)syscall(SYS_fsync, fd);
}
int fdatasync(int fd)
{
	return hit() ? -1 : (int)syscall(SYS_fdatasync, fd);
}
int syncfs(int fd)
{
	return hit() ? -1 : (int)syscall(SYS_syncfs, fd);
}
int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return hit() ? -1 : (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}
int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	return hit() ? -1 : (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
}
int unlinkat(int dir, const char *name, int flags)
{
	return hit() ? -1 : (int)syscall(SYS_unlinkat, dir, name, flags);
}
int mkdirat(int dir, const char *name, mode_t mode)
{
	return hit() ? -1 : (int)syscall(SYS_mkdirat, dir, name, mode);
}
int futimens(int fd, const struct timespec t[2])
{
	return hit() ? -1 : (int)syscall(SYS_utimensat, fd, NULL, t, 0);
}
int posix_fallocate(int fd, off_t at, off_t n)
{
	if (hit())
		return f.error;
	return syscall(SYS_fallocate, fd, 0, at, n) ? errno : 0;
}

int openat(int dir, const char *name, int flags, ...)
{
	va_list ap;
	va_start(ap, flags);
	mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return (flags & O_CREAT) && hit() ? -1 : (int)syscall(SYS_openat, dir, name, flags, mode);
}
