/*
 * Preloaded into a program under test: the process is killed before the KILL_AT-th call that
 * changes a file system (1 is the first).  What KILL_AT + 1 shows is the state after that call.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static void count(void)
{
	static long n, at = -1;
	if (at < 0) {
		const char *v = getenv("KILL_AT");
		at = v ? strtol(v, NULL, 10) : 0;
	}
	if (at > 0 && ++n == at)
		raise(SIGKILL);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int renameat(int a, const char *from, int b, const char *to)
{
	count();
	return REAL(renameat)(a, from, b, to);
}

int linkat(int a, const char *from, int b, const char *to, int flags)
{
	count();
	return REAL(linkat)(a, from, b, to, flags);
}

int unlinkat(int fd, const char *path, int flags)
{
	count();
	return REAL(unlinkat)(fd, path, flags);
}

int fsync(int fd)
{
	count();
	return REAL(fsync)(fd);
}

int fdatasync(int fd)
{
	count();
	return REAL(fdatasync)(fd);
}

ssize_t write(int fd, const void *p, size_t n)
{
	if (fd > 2)
		count();
	return REAL(write)(fd, p, n);
}

int openat(int fd, const char *path, int flags, ...)
{
	va_list ap;
	va_start(ap, flags);
	mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (flags & O_CREAT)
		count();
	return REAL(openat)(fd, path, flags, mode);
}
