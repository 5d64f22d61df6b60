/* Preloaded into a program under test: the path of each file and folder that it syncs, a line each,
 * goes to the file SYNC_LOG, with "rename TO" between them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static void say(const char *what, const char *path)
{
	char line[5000];
	const char *log = getenv("SYNC_LOG");
	int n = snprintf(line, sizeof line, "%s %s\n", what, path);
	int fd = log ? (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND) : -1;
	if (fd < 0)
		return;
	syscall(SYS_write, fd, line, (size_t)n);
	syscall(SYS_close, fd);
}

static void synced(int fd)
{
	char link[64], path[4096];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof path - 1);
	if (n < 0)
		return;
	path[n] = 0;
	say("sync", path);
}

int fsync(int fd)
{
	synced(fd);
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	synced(fd);
	return (int)syscall(SYS_fdatasync, fd);
}

int renameat(int a, const char *from, int b, const char *to)
{
	say("rename", to);
	return (int)syscall(SYS_renameat2, a, from, b, to, 0);
}
