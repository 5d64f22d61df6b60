/* lockmail: runs a program while a mailbox file is locked. */
#include "config.h"

#include "maildir/mbox-lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { RETRY = 5, GIVE_UP = 180, STALE = 300, REFRESH = 5, PID_TEXT = 20 };

static const char usage[] = "usage: lockmail [-r] [-t SECONDS] MAILBOX PROGRAM [ARGUMENT ...]\n";

/* The lock of programs made with the C-Client library: a file of that name, locked, with a pid. */
static char *client_lock(const struct stat *st)
{
	return mem_printf("/tmp/.%lx.%lx", (unsigned long)st->st_dev, (unsigned long)st->st_ino);
}

/* True: whoever made it is gone. */
static bool client_stale(const char *path)
{
	struct stat st;
	struct buf b;
	uint64_t pid = 0;
	bool stale = false;
	buf_init(&b, 100);
	if (lstat(path, &st) < 0)
		stale = errno == ENOENT;
	else if (S_ISREG(st.st_mode) && st.st_size == 0)
		stale = st.st_mtime + STALE < clock_now();
	else if (file_read(AT_FDCWD, path, &b) == 0 && str_u64(str_trim(buf_str(&b)), &pid) &&
		 pid > 0 && pid < INT32_MAX)
		stale = kill((pid_t)pid, 0) < 0 && errno == ESRCH;
	buf_free(&b);
	return stale;
}

static bool client_take(const char *path)
{
	char text[PID_TEXT];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0 && errno == EEXIST && client_stale(path)) {
		unlink(path);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	}
	if (fd < 0)
		return false;
	int n = snprintf(text, sizeof text, "%ld", (long)getpid());
	bool ok = file_write_all(fd, text, (size_t)n) == 0;
	if (!ok)
		unlink(path);
	close(fd);
	return ok;
}

struct box {
	const char *path;
	char *client, *dot;
	int fd;
	bool dotted;
};

/* One attempt at all three.  False: errno. */
static bool take(struct box *b, bool read_only)
{
	struct lock_times once = {.sleep = 1, .stale = STALE, .give_up = 1};
	if (!client_take(b->client)) {
		errno = EAGAIN;
		return false;
	}
	b->dotted = dotlock_take(b->dot, &once, true) == 0;
	if (!b->dotted && errno != EACCES && errno != EPERM && errno != EROFS) {
		unlink(b->client);
		return false;
	}
	if (kernel_lock(b->fd, read_only, &once) == 0)
		return true;
	int saved = errno;
	if (b->dotted)
		dotlock_drop(b->dot);
	unlink(b->client);
	errno = saved;
	return false;
}

static void release(struct box *b)
{
	close(b->fd);
	if (b->dotted)
		dotlock_drop(b->dot);
	unlink(b->client);
}

static int run(char **argv)
{
	int status = 0;
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGINT, SIG_DFL);
		signal(SIGHUP, SIG_DFL);
		signal(SIGTERM, SIG_DFL);
		execvp(argv[0], argv);
		fprintf(stderr, "lockmail: cannot run %s: %s\n", argv[0], strerror(errno));
		_exit(EX_TEMPFAIL);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : EX_TEMPFAIL;
}

int main(int argc, char **argv)
{
	uint64_t seconds = GIVE_UP;
	bool fallback = false, read_only = false;
	struct stat st;
	int c;
	log_open("lockmail", LOG_TO_STDERR, -1);
	while ((c = getopt(argc, argv, "+rt:")) != -1) {
		if (c == 'r')
			fallback = true;
		else if (c != 't' || !str_u64(str_of(optarg), &seconds) || seconds > 1000000)
			optind = argc + 1;
	}
	if (optind + 1 >= argc) {
		fputs(usage, stderr);
		return EX_TEMPFAIL;
	}
	struct box b = {.path = argv[optind], .fd = open(argv[optind], O_RDWR | O_CLOEXEC)};
	if (b.fd < 0 && fallback) {
		read_only = true;
		b.fd = open(b.path, O_RDONLY | O_CLOEXEC);
	}
	if (b.fd < 0 || fstat(b.fd, &st) < 0) {
		fprintf(stderr, "lockmail: %s: %s\n", b.path, strerror(errno));
		return EX_TEMPFAIL;
	}
	b.client = client_lock(&st);
	b.dot = mem_printf("%s.lock", b.path);
	for (uint64_t waited = 0; !take(&b, read_only); waited += RETRY) {
		if (waited >= seconds) {
			fprintf(stderr, "lockmail: %s is locked by another program\n", b.path);
			return EX_TEMPFAIL;
		}
		nanosleep(&(struct timespec){RETRY, 0}, NULL);
	}
	lock_watch(0, REFRESH); /* others know by its time that we live */
	int code = run(argv + optind + 1);
	lock_watch_end();
	release(&b);
	return code;
}
