#include "config.h"

#include "tcpd/daemon.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

static int lock_fd = -1, ready_fd = -1;

/* ---- the pid file --------------------------------------------------------------------------- */

static int open_lock(const char *pidfile, int flags)
{
	char *path = mem_printf("%s.lock", pidfile);
	int fd = open(path, flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
	free(path);
	return fd;
}

int daemon_lock(const char *pidfile)
{
	lock_fd = open_lock(pidfile, O_CREAT);
	if (lock_fd < 0)
		return -1;
	if (flock(lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK ? 1 : -1;
}

int daemon_number(const char *pidfile)
{
	char *text = mem_printf("%d\n", (int)getpid());
	int r = file_replace(AT_FDCWD, pidfile, text, strlen(text), 0644);
	free(text);
	return r;
}

void daemon_ready(void)
{
	if (ready_fd < 0)
		return;
	if (write(ready_fd, "", 1) < 0)
		log_warning(NULL, "who has started this does not wait any more: %m");
	close(ready_fd);
	ready_fd = -1;
	/* who waits for the end of our output shall not wait for the daemon */
	if (dup2(0, 2) < 0)
		log_warning(NULL, "cannot leave standard error: %m");
}

static int read_pid(const char *pidfile, pid_t *pid)
{
	struct buf text;
	uint64_t n = 0;
	buf_init(&text, 64);
	int r = file_read(AT_FDCWD, pidfile, &text);
	if (r == 0 && (!str_u64(str_trim(buf_str(&text)), &n) || n < 2 || n > INT32_MAX)) {
		errno = EINVAL;
		r = -1;
	}
	buf_free(&text);
	*pid = (pid_t)n;
	return r;
}

static int wait_free(int fd)
{
	int64_t until = clock_mono_ms() + DAEMON_STOP_MS;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -1;
		if (clock_mono_ms() > until) {
			errno = ETIMEDOUT;
			return -1;
		}
		poll(NULL, 0, 20);
	}
	return 0;
}

int daemon_signal(const char *pidfile, int signo, bool wait)
{
	pid_t pid;
	int fd = open_lock(pidfile, 0);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	int r = flock(fd, LOCK_EX | LOCK_NB);
	if (r == 0 || errno != EWOULDBLOCK) {
		close(fd);
		return r;
	}
	r = read_pid(pidfile, &pid) < 0 || kill(pid, signo) < 0 ? -1 : 0;
	if (r < 0 && errno == ESRCH)
		r = 0;
	if (r == 0 && wait)
		r = wait_free(fd);
	close(fd);
	return r;
}

/* ---- the background ------------------------------------------------------------------------- */

/* The parent: until the child serves, or is gone. */
__attribute__((noreturn)) static void await(int fd, pid_t child)
{
	char c;
	ssize_t n;
	do
		n = read(fd, &c, 1);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		waitpid(child, NULL, 0);
	_exit(n > 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

int daemon_background(void)
{
	int ends[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	pid_t pid = fork();
	if (pid < 0)
		return -1;
	if (pid > 0) {
		close(ends[1]);
		await(ends[0], pid);
	}
	close(ends[0]);
	ready_fd = ends[1];
	if (setsid() < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		return -1;
	if (null > 2)
		close(null);
	return 0;
}

/* ---- rights --------------------------------------------------------------------------------- */

static const char *find_group(const char *group, struct daemon_rights *r)
{
	struct group *gr = getgrnam(group);
	uint64_t n;
	r->any = true;
	if (gr)
		r->gid = gr->gr_gid;
	else if (str_u64(str_of(group), &n) && n < INT32_MAX)
		r->gid = (gid_t)n;
	else
		return "there is no such group";
	return NULL;
}

const char *daemon_rights_find(const char *user, const char *group, struct daemon_rights *r)
{
	*r = (struct daemon_rights){.uid = geteuid(), .gid = getegid()};
	uint64_t n;
	if (user) {
		struct passwd *pw = getpwnam(user);
		if (!pw && str_u64(str_of(user), &n) && n < INT32_MAX) {
			r->uid = (uid_t)n;
			pw = getpwuid(r->uid);
			if (!pw && !group)
				return "nobody has this number: a group must be named too";
		} else if (!pw)
			return "there is no such user";
		r->any = true;
		if (pw) {
			r->uid = pw->pw_uid;
			r->gid = pw->pw_gid;
			r->name = mem_strdup(pw->pw_name);
		}
	}
	return group ? find_group(group, r) : NULL;
}

int daemon_rights_take(const struct daemon_rights *r)
{
	if (!r->any || (r->uid == geteuid() && r->gid == getegid()))
		return 0;
	if (geteuid() != 0) {
		errno = EPERM;
		return -1;
	}
	if ((r->name ? initgroups(r->name, r->gid) : setgroups(1, &r->gid)) < 0 ||
	    setresgid(r->gid, r->gid, r->gid) < 0 || setresuid(r->uid, r->uid, r->uid) < 0)
		return -1;
	if (r->uid != 0 && setresuid(0, 0, 0) == 0) {
		errno = EPERM;
		return -1;
	}
	return 0;
}
