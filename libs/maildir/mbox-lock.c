#include "config.h"

#include "maildir/mbox-lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* What the signal handler needs; only plain reads and writes of these. */
enum { HOST_SIZE = 256 };
static char *volatile held[LOCKS_HELD_MAX];
static volatile int64_t deadline_ms, refresh_ms, refreshed_ms;
static volatile int guarded = -1;
static volatile off_t guarded_size;
static volatile pid_t guarded_group;

static void tick(int sig UNUSED)
{
	static const char late[] = "maildrop: out of time\n";
	int saved = errno;
	int64_t now = clock_mono_ms();
	bool over = deadline_ms && now >= deadline_ms;
	for (size_t i = 0; i < LOCKS_HELD_MAX; i++) {
		if (!held[i])
			continue;
		if (over)
			unlink(held[i]);
		else if (now - refreshed_ms >= refresh_ms)
			utimensat(AT_FDCWD, held[i], NULL, 0);
	}
	if (now - refreshed_ms >= refresh_ms)
		refreshed_ms = now;
	if (over) {
		if (guarded_group)
			kill(-guarded_group, SIGKILL);
		if (guarded >= 0 && ftruncate(guarded, guarded_size) < 0)
			_exit(75);
		ssize_t n = write(2, late, sizeof late - 1);
		_exit(n < 0 ? 75 : 75);
	}
	errno = saved;
}

void lock_refresh_every(unsigned seconds)
{
	refresh_ms = seconds ? seconds * 1000 : 1000;
}

void lock_watch(unsigned seconds, unsigned refresh)
{
	struct sigaction sa = {.sa_handler = tick, .sa_flags = SA_RESTART};
	struct itimerval every = {{1, 0}, {1, 0}};
	deadline_ms = seconds ? clock_mono_ms() + (int64_t)seconds * 1000 : 0;
	lock_refresh_every(refresh);
	refreshed_ms = clock_mono_ms();
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

void lock_watch_end(void)
{
	struct itimerval none = {0};
	setitimer(ITIMER_REAL, &none, NULL);
	deadline_ms = 0;
}

void lock_guard_file(int fd, off_t size)
{
	guarded_size = size;
	guarded = fd;
}

void lock_guard_group(pid_t group)
{
	guarded_group = group;
}

static void rest(int64_t seconds)
{
	int64_t until = clock_mono_ms() + seconds * 1000;
	for (int64_t left; (left = until - clock_mono_ms()) > 0;) {
		struct timespec ts = {left / 1000, left % 1000 * 1000000};
		nanosleep(&ts, NULL);
	}
}

static int remember(const char *path)
{
	for (size_t i = 0; i < LOCKS_HELD_MAX; i++)
		if (!held[i]) {
			held[i] = mem_strdup(path);
			return 0;
		}
	unlink(path);
	errno = ENOLCK;
	return -1;
}

void dotlock_drop(const char *path)
{
	for (size_t i = 0; i < LOCKS_HELD_MAX; i++) {
		char *mine = held[i];
		if (!mine || strcmp(mine, path))
			continue;
		held[i] = NULL;
		unlink(mine);
		free(mine);
		return;
	}
}

/* One attempt; EEXIST: somebody has it.  *now: the time, as the file system's host has it. */
static int try_link(const char *path, int64_t *now)
{
	struct stat st;
	char host[HOST_SIZE] = "localhost", token[9];
	gethostname(host, sizeof host - 1);
	random_token(token, 8);
	char *tmp = mem_printf("%s.%ld.%s", path, (long)getpid(), token);
	char *text = mem_printf("%ld %s\n", (long)getpid(), host);
	int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644), r = -1;
	if (fd >= 0) {
		r = file_write_all(fd, text, strlen(text));
		*now = fstat(fd, &st) == 0 ? st.st_mtime : clock_now();
		if (file_close(fd) < 0)
			r = -1;
		if (r == 0)
			r = link(tmp, path);
		int saved = errno;
		unlink(tmp);
		errno = saved;
	}
	free(text);
	free(tmp);
	return r;
}

enum holder { UNKNOWN, DEAD, ALIVE };

/* "PID HOST": of this host, is there such a process? */
static enum holder holder_of(const char *path)
{
	struct buf b;
	struct str pid, host, rest;
	char mine[HOST_SIZE] = "";
	uint64_t n = 0;
	buf_init(&b, 1024);
	gethostname(mine, sizeof mine - 1);
	enum holder is = UNKNOWN;
	if (file_read(AT_FDCWD, path, &b) == 0) {
		rest = str_trim(buf_str(&b));
		if (str_word(&rest, &pid) && str_word(&rest, &host) && str_u64(pid, &n) && n > 1 &&
		    n < INT32_MAX && str_is(host, mine))
			is = kill((pid_t)n, 0) < 0 && errno == ESRCH ? DEAD : ALIVE;
	}
	buf_free(&b);
	return is;
}

/* A lock as it was seen, and since when. */
struct sight {
	ino_t file;
	struct timespec time;
	int64_t since;
};

static bool as_before(struct sight *s, const struct stat *st)
{
	if (s->file == st->st_ino && s->time.tv_sec == st->st_mtim.tv_sec &&
	    s->time.tv_nsec == st->st_mtim.tv_nsec)
		return true;
	*s = (struct sight){st->st_ino, st->st_mtim, clock_mono_ms()};
	return false;
}

/*
 * So old that its holder must be gone: as time stamps go by convention.  But clocks jump.  A lock
 * of a process that lives on this host, and one from the future, must also be seen to stay as it is
 * for longer than holders take between refreshes.
 */
static bool stale(const char *path, const struct lock_times *t, int64_t now, struct sight *s)
{
	struct stat st;
	if (lstat(path, &st) < 0)
		return false;
	bool same = as_before(s, &st), future = st.st_mtime - t->stale > now;
	if (!future && st.st_mtime + t->stale >= now)
		return false;
	if (!future && holder_of(path) != ALIVE)
		return true;
	int64_t watch = t->stale < LOCK_UNREFRESHED ? t->stale : LOCK_UNREFRESHED;
	if (t->give_up && watch > t->give_up / 2)
		watch = t->give_up / 2;
	return same && clock_mono_ms() - s->since >= watch * 1000;
}

int dotlock_take(const char *path, const struct lock_times *t, bool stale_now)
{
	struct sight seen = {0};
	int64_t until = clock_mono_ms() + t->give_up * 1000, now = 0;
	for (;;) {
		if (try_link(path, &now) == 0)
			return remember(path);
		if (errno != EEXIST)
			return -1;
		if (stale_now && holder_of(path) == DEAD) {
			unlink(path);
			continue;
		}
		if (t->give_up && clock_mono_ms() >= until) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (stale(path, t, now, &seen))
			unlink(path); /* then a pause: another one may be doing the same */
		rest(t->sleep > 0 ? t->sleep : 1);
	}
}

int kernel_lock(int fd, bool read_only, const struct lock_times *t)
{
	struct flock whole = {.l_type = read_only ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET};
	struct flock none = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
	int64_t until = clock_mono_ms() + t->give_up * 1000;
	while (fcntl(fd, F_SETLK, &whole) < 0 ||
	       flock(fd, (read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) < 0) {
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return -1;
		if (t->give_up && clock_mono_ms() >= until) {
			errno = ETIMEDOUT;
			return -1;
		}
		fcntl(fd, F_SETLK, &none); /* not held while waiting */
		struct timespec ts = {0, 100 * 1000 * 1000};
		nanosleep(&ts, NULL);
	}
	return 0;
}
