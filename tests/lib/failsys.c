#define _GNU_SOURCE
#include "failsys.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static struct failsys own, *f = &own;
static char self[64], library[256];

void failsys_arm(long at, int error, bool forever)
{
	f->at = (int)at;
	f->error = error;
	f->forever = forever;
	f->classes = FAILSYS_FILES;
	f->count = f->hits = 0;
	f->armed = 1;
}

long failsys_count(void)
{
	return f->count;
}

void failsys_disarm(void)
{
	f->armed = 0;
}

static void map_control(const char *path)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	void *p =
	    fd < 0 ? MAP_FAILED : mmap(NULL, sizeof own, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED)
		f = p;
	if (fd >= 0)
		syscall(SYS_close, fd);
}

__attribute__((constructor)) static void start(void)
{
	char path[sizeof library + 8];
	Dl_info me;
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	if (n > 0) {
		path[n] = 0;
		snprintf(self, sizeof self, "%s", strrchr(path, '/') + 1);
	}
	if (!dladdr((void *)failsys_arm, &me) || strlen(me.dli_fname) >= sizeof library)
		return;
	snprintf(library, sizeof library, "%s", me.dli_fname);
	snprintf(path, sizeof path, "%s.ctl", library);
	map_control(path);
}

static bool hit(int class)
{
	if (!f->armed || !(f->classes & class))
		return false;
	if (f->program[0] && strncmp(f->program, self, sizeof self) != 0)
		return false;
	int n = ++f->count;
	if (!f->at || (f->forever ? n < f->at : n != f->at))
		return false;
	f->hits++;
	if (!f->error) {
		syscall(SYS_kill, getpid(), SIGKILL);
		for (;;)
			pause();
	}
	errno = f->error;
	return true;
}

static bool is_file(int fd)
{
	struct stat st;
	return f->armed && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* Half of a write that kills stays: torn writes are the point. */
ssize_t write(int fd, const void *p, size_t n)
{
	return is_file(fd) && hit(FAILSYS_WRITE) ? -1 : syscall(SYS_write, fd, p, n);
}
ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	return is_file(fd) && hit(FAILSYS_WRITE) ? -1 : syscall(SYS_pwrite64, fd, p, n, at);
}
ssize_t pwrite64(int fd, const void *p, size_t n, off_t at) __attribute__((alias("pwrite")));

ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at)
{
	if (!is_file(fd))
		return syscall(SYS_pwritev, fd, v, n, at, 0);
	if (f->at && f->count + 1 == f->at && n && (!f->program[0] || !strcmp(f->program, self)))
		syscall(SYS_pwrite64, fd, v[0].iov_base, v[0].iov_len / 2, at);
	return hit(FAILSYS_WRITE) ? -1 : syscall(SYS_pwritev, fd, v, n, at, 0);
}
ssize_t pwritev64(int fd, const struct iovec *v, int n, off_t at) __attribute__((alias("pwritev")));

int fsync(int fd)
{
	return hit(FAILSYS_SYNC) ? -1 : (int)syscall(SYS_fsync, fd);
}
int fdatasync(int fd)
{
	return hit(FAILSYS_SYNC) ? -1 : (int)syscall(SYS_fdatasync, fd);
}
int syncfs(int fd)
{
	return hit(FAILSYS_SYNC) ? -1 : (int)syscall(SYS_syncfs, fd);
}
int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return hit(FAILSYS_NAME) ? -1 : (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}
int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	return hit(FAILSYS_NAME) ? -1 : (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
}
int unlinkat(int dir, const char *name, int flags)
{
	return hit(FAILSYS_NAME) ? -1 : (int)syscall(SYS_unlinkat, dir, name, flags);
}
int mkdirat(int dir, const char *name, mode_t mode)
{
	return hit(FAILSYS_NAME) ? -1 : (int)syscall(SYS_mkdirat, dir, name, mode);
}
int futimens(int fd, const struct timespec t[2])
{
	return hit(FAILSYS_NAME) ? -1 : (int)syscall(SYS_utimensat, fd, NULL, t, 0);
}
int posix_fallocate(int fd, off_t at, off_t n)
{
	if (hit(FAILSYS_WRITE))
		return f->error;
	return syscall(SYS_fallocate, fd, 0, at, n) ? errno : 0;
}

static int open_at(int dir, const char *name, int flags, mode_t mode)
{
	return hit(flags & O_CREAT ? FAILSYS_CREATE : FAILSYS_OPEN)
		   ? -1
		   : (int)syscall(SYS_openat, dir, name, flags, mode);
}

int openat(int dir, const char *name, int flags, ...)
{
	va_list ap;
	va_start(ap, flags);
	mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return open_at(dir, name, flags, mode);
}

int open(const char *name, int flags, ...)
{
	va_list ap;
	va_start(ap, flags);
	mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return open_at(AT_FDCWD, name, flags, mode);
}

/* What a fortified build calls when no mode is given. */
int __openat_2(int dir, const char *name, int flags);
int __openat_2(int dir, const char *name, int flags)
{
	return open_at(dir, name, flags, 0);
}
int __open_2(const char *name, int flags);
int __open_2(const char *name, int flags)
{
	return open_at(AT_FDCWD, name, flags, 0);
}

int accept4(int fd, __SOCKADDR_ARG who, socklen_t *n, int flags)
{
	return hit(FAILSYS_ACCEPT) ? -1 : (int)syscall(SYS_accept4, fd, who.__sockaddr__, n, flags);
}

int socket(int domain, int type, int protocol)
{
	return hit(FAILSYS_SOCKET) ? -1 : (int)syscall(SYS_socket, domain, type, protocol);
}
int socketpair(int domain, int type, int protocol, int fds[2])
{
	return hit(FAILSYS_SOCKET) ? -1 : (int)syscall(SYS_socketpair, domain, type, protocol, fds);
}
int pipe2(int fds[2], int flags)
{
	return hit(FAILSYS_SOCKET) ? -1 : (int)syscall(SYS_pipe2, fds, flags);
}
int memfd_create(const char *name, unsigned flags)
{
	return hit(FAILSYS_SOCKET) ? -1 : (int)syscall(SYS_memfd_create, name, flags);
}
int eventfd(unsigned n, int flags)
{
	return hit(FAILSYS_SOCKET) ? -1 : (int)syscall(SYS_eventfd2, n, flags);
}
int dup(int fd)
{
	return hit(FAILSYS_SOCKET) ? -1 : (int)syscall(SYS_dup, fd);
}

ssize_t read(int fd, void *p, size_t n)
{
	return is_file(fd) && hit(FAILSYS_READ) ? -1 : syscall(SYS_read, fd, p, n);
}
ssize_t pread(int fd, void *p, size_t n, off_t at)
{
	return is_file(fd) && hit(FAILSYS_READ) ? -1 : syscall(SYS_pread64, fd, p, n, at);
}
ssize_t pread64(int fd, void *p, size_t n, off_t at) __attribute__((alias("pread")));

#ifdef FAILSYS_PRELOAD
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
	return hit(FAILSYS_MEMORY) ? NULL : __libc_malloc(n);
}
void *calloc(size_t n, size_t size)
{
	return hit(FAILSYS_MEMORY) ? NULL : __libc_calloc(n, size);
}
void *realloc(void *p, size_t n)
{
	return hit(FAILSYS_MEMORY) ? NULL : __libc_realloc(p, n);
}
#endif

pid_t fork(void)
{
	static pid_t (*next)(void);
	if (!next)
		next = (pid_t(*)(void))dlsym(RTLD_NEXT, "fork");
	return hit(FAILSYS_FORK) ? -1 : next();
}

/* Programs that are started with an environment of their own are to obey as well. */
int execve(const char *path, char *const argv[], char *const envp[])
{
	static char preload[sizeof library + 16];
	char *env[256];
	size_t n = 0;
	for (; envp && envp[n] && n < 254; n++)
		env[n] = envp[n];
	if (f != &own) {
		snprintf(preload, sizeof preload, "LD_PRELOAD=%s", library);
		env[n++] = preload;
	}
	env[n] = NULL;
	return (int)syscall(SYS_execve, path, argv, env);
}
