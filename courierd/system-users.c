/* The system users of the suite, made when root makes an instance and they are missing. */
#include "config.h"

#include "courierd/courier.h"
#include "courierd/roles.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int run(const char *const argv[])
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		fprintf(stderr, "courier: cannot run %s\n", argv[0]);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0) {
		fprintf(stderr, "courier: %s %s failed\n", argv[0], argv[1]);
		return -1;
	}
	return 0;
}

static int make_group(const char *name)
{
	const char *argv[] = {"groupadd", "--system", name, NULL};
	if (getgrnam(name))
		return 0;
	printf("making the system group %s\n", name);
	fflush(stdout);
	return run(argv);
}

static int make_user(const char *name)
{
	if (getpwnam(name) && getgrnam(name))
		return 0;
	printf("making the system user %s\n", name);
	fflush(stdout);
	const char *group[] = {"groupadd", "--system", name, NULL};
	const char *user[] = {"useradd", "--system", "--no-create-home", "--home-dir",
	    "/nonexistent", "--shell", "/usr/sbin/nologin", "--gid", name, name, NULL};
	int r = !getgrnam(name) && run(group) < 0 ? -1 : 0;
	if (r == 0 && !getpwnam(name))
		r = run(user);
	return r;
}

int system_users_make(const char *mail_user)
{
	if (setenv("PATH", "/usr/sbin:/sbin:/usr/bin:/bin", 1) < 0)
		return -1;
	for (size_t i = 0; i < n_builtin_roles; i++)
		if (strcmp(builtin_roles[i].user, "root") != 0 &&
		    make_user(builtin_roles[i].user) < 0)
			return -1;
	/* sendmail's: it has no user, and owns the drop folder alone */
	if (make_user(MAILUSER "-filter") < 0 || make_group(MAILUSER "-drop") < 0)
		return -1;
	return make_user(mail_user);
}
