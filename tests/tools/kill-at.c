/*
 * Preloaded into a program under test: the process is killed before the KILL_AT-th call that
 * changes a file system (1 is the first).  What KILL_AT + 1 shows is the state after that call.
 * With FAIL_AT that call fails instead, as on a full disk, and the process goes on.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static long setting(const char *name)
{
	const char *v = getenv(name);
	return v ? strtol(v, NULL, 10) : 0;
}

/* True: the call is to fail. */
static int count(void)
{
	static long n, kill_at = -1, fail_at;
	if (kill_at < 0) {
		kill_at = setting("KILL_AT");
		fail_at = setting("FAIL_AT");
	}
	n++;
	if (n == kill_at)
		raise(SIGKILL);
	errno = ENOSPC;
	return n == fail_at;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int renameat(int a, const char *from, int b, const char *to)
{
	if (count())
		return -1;
	return REAL(renameat)(a, from, b, to);
}

int linkat(int a, const char *from, int b, const char *to, int flags)
{
	if (count())
		return -1;
	return REAL(linkat)(a, from, b, to, flags);
}

int unlinkat(int fd, const char *path, int flags)
{
	if (count())
		return -1;
	return REAL(unlinkat)(fd, path, flags);
}

int fsync(int fd)
{
	if (count())
		return -1;
	return REAL(fsync)(fd);
}

int fdatasync(int fd)
{
	if (count())
		return -1;
	return REAL(fdatasync)(fd);
}

ssize_t write(int fd, const void *p, size_t n)
{
	if (fd > 2)
		if (count())
			return -1;
	return REAL(write)(fd, p, n);
}

int openat(int fd, const char *path, int flags, ...)
{
	va_list ap;
	va_start(ap, flags);
	mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (flags & O_CREAT)
		if (count())
			return -1;
	return REAL(openat)(fd, path, flags, mode);
}
