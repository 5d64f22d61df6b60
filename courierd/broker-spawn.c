#include "config.h"

#include "courierd/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FD_REPORT = 4 };

static void fail(enum spawn_step step)
{
	struct spawn_report r = {step, errno};
	while (write(FD_REPORT, &r, sizeof r) < 0 && errno == EINTR)
		;
	_exit(75);
}

/* Moved out of the way first: each may have the number that another shall get. */
static int high(int fd)
{
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD, 16);
}

static void set_descriptors(const struct spawn *s, int report)
{
	int null = open("/dev/null", O_RDWR);
	int in = high(s->in < 0 ? null : s->in), out = high(s->out < 0 ? null : s->out);
	int edge = high(s->edge);
	int told = high(report);
	if (dup2(told, FD_REPORT) < 0 || fcntl(FD_REPORT, F_SETFD, FD_CLOEXEC) < 0)
		_exit(75);
	if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0)
		fail(SPAWN_FILES);
	if (s->edge < 0)
		close(3);
	else if (edge < 0 || dup2(edge, 3) < 0)
		fail(SPAWN_FILES);
	if (close_range(FD_REPORT + 1, ~0U, 0) < 0)
		fail(SPAWN_FILES);
}

static void drop_rights(const struct spawn *s)
{
	uid_t r, e, v;
	if (s->sysuser && s->sysuser[0] ? initgroups(s->sysuser, s->gid) < 0
					: setgroups(1, &s->gid) < 0)
		fail(SPAWN_GROUPS);
	if (setresgid(s->gid, s->gid, s->gid) < 0)
		fail(SPAWN_GID);
	if (setresuid(s->uid, s->uid, s->uid) < 0)
		fail(SPAWN_UID);
	if (getresuid(&r, &e, &v) < 0 || r != s->uid || e != s->uid || v != s->uid ||
	    setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0)
		fail(SPAWN_REGAIN);
}

static void enter_home(const char *home)
{
	struct stat st;
	if (chdir(home ? home : "/") < 0 || stat(".", &st) < 0)
		fail(SPAWN_HOME);
	if (home && (st.st_mode & S_ISVTX))
		fail(SPAWN_LOCKED);
}

static void set_limits(const struct spawn *s)
{
	struct rlimit none = {0, 0};
	umask(077);
	if (setrlimit(RLIMIT_CORE, &none) < 0 ||
	    (s->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0))
		fail(SPAWN_LIMITS);
}

static void become(const struct spawn *s, int report)
{
	set_descriptors(s, report);
	child_signals();
	setsid();
	set_limits(s);
	if (s->drop)
		drop_rights(s);
	enter_home(s->home);
	execve(s->path, s->argv, s->env);
	fail(SPAWN_EXEC);
}

pid_t spawn_child(const struct spawn *s, int *report)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		become(s, ends[1]);
		_exit(75);
	}
	int saved = errno;
	close(ends[1]);
	*report = ends[0];
	if (pid < 0) {
		close(ends[0]);
		errno = saved;
	}
	return pid;
}

void spawn_explain(const struct spawn_report *r, const char *home, struct buf *out)
{
	static const char *const what[] = {
	    [SPAWN_FINE] = "unknown",
	    [SPAWN_FILES] = "cannot set its descriptors",
	    [SPAWN_GROUPS] = "cannot set its groups",
	    [SPAWN_GID] = "cannot set its group",
	    [SPAWN_UID] = "cannot set its user",
	    [SPAWN_REGAIN] = "root's rights could be taken back",
	    [SPAWN_LIMITS] = "cannot set its limits",
	    [SPAWN_EXEC] = "cannot start the program",
	};
	if (r->step == SPAWN_HOME)
		buf_addf(out, "cannot enter the home folder '%s': %s", home, strerror(r->error));
	else if (r->step == SPAWN_LOCKED)
		buf_addf(out, "the home folder '%s' is locked (its sticky bit is set)", home);
	else if (r->step > 0 && r->step < (int)ARRAY_LEN(what))
		buf_addf(out, "%s: %s", what[r->step], strerror(r->error));
	else
		buf_addz(out, "the program could not be started");
}
