#include "config.h"

#include "maildir/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_WAIT_MS = 60000, LOCK_STALE = 120, LOCK_STEP_MS = 20 };

#define DOT_LOCK "tmp/courier.lock"

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static int kernel_lock(int fd, int64_t until)
{
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return errno == ENOLCK || errno == EOPNOTSUPP || errno == EBADF ? 0 : -1;
		if (clock_mono_ms() >= until) {
			errno = ETIMEDOUT;
			return -1;
		}
		pause_ms(2);
	}
	return 0;
}

/*
 * Ours holds "PID HOST"; when that process of this host has died, nobody will ever remove it.  One
 * of this very process is left over too: we hold the kernel's lock and would know.
 */
static bool left_over(int folderfd)
{
	struct buf b;
	struct str rest, pid, host;
	uint64_t n;
	buf_init(&b, 512);
	bool left = false;
	if (file_read(folderfd, DOT_LOCK, &b) == 0) {
		rest = str_trim(buf_str(&b));
		if (str_word(&rest, &pid) && str_word(&rest, &host) && str_u64(pid, &n) && n > 1 &&
		    n < INT32_MAX && str_is(host, maildir_host()))
			left = (pid_t)n == getpid() || (kill((pid_t)n, 0) < 0 && errno == ESRCH);
	}
	buf_free(&b);
	return left;
}

static void break_stale(int folderfd)
{
	struct stat st;
	if (fstatat(folderfd, DOT_LOCK, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (clock_now() - st.st_mtime > LOCK_STALE || left_over(folderfd))
		file_unlink(folderfd, DOT_LOCK);
}

static int make_lock_file(int folderfd, char *tmp, size_t size)
{
	char text[128], token[13];
	random_token(token, 12);
	snprintf(tmp, size, "tmp/%lld.P%ld_courierlock%s.%s", (long long)clock_now(),
	    (long)getpid(), token, maildir_host());
	int n = snprintf(text, sizeof text, "%ld %s\n", (long)getpid(), maildir_host());
	int fd = file_create(folderfd, tmp, 0600);
	if (fd < 0)
		return -1;
	int r = file_write_all(fd, text, (size_t)n);
	return file_close(fd) < 0 ? -1 : r;
}

static int dot_lock(int folderfd, int64_t until)
{
	char tmp[MAILDIR_NAME_MAX];
	if (make_lock_file(folderfd, tmp, sizeof tmp) < 0)
		return -1;
	int r;
	while ((r = file_link(folderfd, tmp, folderfd, DOT_LOCK)) < 0 && errno == EEXIST) {
		if (clock_mono_ms() >= until) {
			errno = ETIMEDOUT;
			break;
		}
		break_stale(folderfd);
		pause_ms(LOCK_STEP_MS);
	}
	int saved = errno;
	file_unlink(folderfd, tmp);
	errno = saved;
	return r;
}

int maildir_lock_take(struct maildir_lock *l, int folderfd, bool dot)
{
	int64_t until = clock_mono_ms() + LOCK_WAIT_MS;
	/* A descriptor of its own: flock belongs to the open file, so two openings of a folder in
	 * one process exclude each other like those of two. */
	*l = (struct maildir_lock){
	    .fd = openat(folderfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), .folderfd = folderfd};
	if (l->fd < 0)
		return -1;
	if (kernel_lock(l->fd, until) == 0 && (!dot || dot_lock(folderfd, until) == 0)) {
		l->dot = dot;
		return 0;
	}
	int saved = errno;
	close(l->fd);
	l->fd = -1;
	errno = saved;
	return -1;
}

void maildir_lock_drop(struct maildir_lock *l)
{
	if (l->fd < 0)
		return;
	if (l->dot)
		file_unlink(l->folderfd, DOT_LOCK);
	close(l->fd);
	l->fd = -1;
}
