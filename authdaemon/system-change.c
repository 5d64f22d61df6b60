/* A new password for a user of the system.  Runs in a child of the helper that ends afterwards. */
#include "config.h"

#include "authdaemon/helper.h"
#include "base/child.h"
#include "config/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHANGED, REFUSED, CANNOT_TELL };
enum { WAIT_MS = (HELPER_LIMIT_S - 2) * 1000, STEP_US = 50000 };

/* The administrator's own, where there is one that nobody else can change; or ours. */
static char *program(void)
{
	struct instance in = {0};
	struct stat st;
	char *why = NULL, *own = NULL;
	if (instance_find(&in, NULL, &why) == 0)
		own = instance_path(in.etc, "authsystem.passwd");
	free(why);
	instance_free(&in);
	if (own && stat(own, &st) == 0) {
		if (S_ISREG(st.st_mode) && !(st.st_mode & 022) &&
		    (st.st_uid == 0 || st.st_uid == geteuid()))
			return own;
		log_error(NULL, "'%s' is not used: others may change it", own);
	}
	free(own);
	return mem_strdup(LIBEXECDIR "/authsystem.passwd");
}

static bool become(const struct passwd *pw)
{
	if (geteuid() != 0)
		return pw->pw_uid == geteuid();
	return setgid(pw->pw_gid) == 0 && initgroups(pw->pw_name, pw->pw_gid) == 0 &&
	       setuid(pw->pw_uid) == 0 && setuid(0) < 0;
}

static _Noreturn void run(const char *path, const struct passwd *pw, int in)
{
	char *argv[] = {mem_strdup(path), NULL};
	char *env[] = {mem_strdup("PATH=/usr/bin:/bin"), mem_printf("HOME=%s", pw->pw_dir),
	    mem_printf("USER=%s", pw->pw_name), mem_printf("LOGNAME=%s", pw->pw_name),
	    mem_strdup("LC_ALL=C"), NULL};
	int null = open("/dev/null", O_RDWR);
	if (setsid() < 0 || null < 0 || dup2(in, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 ||
	    chdir("/") < 0 || !become(pw))
		_exit(127);
	close_range(3, ~0U, 0);
	child_signals();
	execve(path, argv, env);
	_exit(127);
}

static int wait_for(pid_t pid)
{
	int status;
	for (int64_t end = clock_mono_ms() + WAIT_MS; clock_mono_ms() < end; usleep(STEP_US))
		if (waitpid(pid, &status, WNOHANG) == pid) {
			if (WIFEXITED(status) && WEXITSTATUS(status) < 126)
				return WEXITSTATUS(status) == 0 ? CHANGED : REFUSED;
			return CANNOT_TELL;
		}
	kill(-pid, SIGKILL);
	return CANNOT_TELL;
}

int system_change(const char *user, const char *old, const char *fresh)
{
	int fds[2];
	const struct passwd *pw = getpwnam(user);
	if (!pw || pw->pw_uid == 0)
		return REFUSED;
	char *path = program(), *text = mem_printf("%s\n%s\n", old, fresh);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return CANNOT_TELL;
	pid_t pid = fork();
	if (pid == 0)
		run(path, pw, fds[0]);
	close(fds[0]);
	/* fits into a pipe; a program that does not read it answers by its end */
	int r = pid < 0 || file_write_all(fds[1], text, strlen(text)) < 0 ? CANNOT_TELL : CHANGED;
	mem_wipe(text, strlen(text));
	close(fds[1]);
	if (pid > 0) {
		int said = wait_for(pid);
		r = r == CHANGED || said == REFUSED ? said : r;
	}
	if (r == CANNOT_TELL)
		log_error(NULL, "'%s' could not change the password of '%s'", path, user);
	free(text);
	free(path);
	return r;
}
