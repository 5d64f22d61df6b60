/* What the mail system's users read themselves, after root has let go: other mail servers' folders,
 * brought along as they were, are often closed to all but a group of their own. */
#include "config.h"

#include "base/base.h"
#include "courierd/check-readable.h"

#include <errno.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define GATE MAILUSER "-gate"
#define AUTH MAILUSER "-auth"

static const struct reader {
	const char *user, *group, *advice, *names[40];
} readers[] = {
    {GATE, GATE, "chmod o+rX",
	{"courierd", "submit", "esmtpd", "module.*[!t]", "me", "defaultdomain", "locals", "dsnfrom",
	    "dsn*.txt", "bofh", "authsenders", "esmtproutes", "esmtpacceptmailfor.dat",
	    "hosteddomains.dat", "aliases.dat", "smtpaccess.dat", "aliasdir", "enablefiltering",
	    "sizelimit", "maildroprc", "maildropsettings", "resolver", NULL}},
    {MAILUSER "-filter", GATE, "chmod o+rX", {"filters", "filters/active", NULL}},
    {AUTH, AUTH, "chown " AUTH, {"userdb.dat", "userdbshadow.dat", NULL}},
};

/* In a child: becomes the reader and says with one byte for each path whether it can be read. */
static int try_as(uid_t uid, gid_t gid, char *const *paths, size_t n, int out)
{
	if (setgroups(1, &gid) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return 1;
	for (size_t i = 0; i < n; i++) {
		struct stat st;
		bool folder = stat(paths[i], &st) == 0 && S_ISDIR(st.st_mode);
		char no = access(paths[i], folder ? R_OK | X_OK : R_OK) < 0 && errno == EACCES;
		if (write(out, &no, 1) != 1)
			return 1;
	}
	return 0;
}

static void ask_child(const struct reader *r, char *const *paths, size_t n, struct config_faults *f)
{
	struct passwd *pw = getpwnam(r->user);
	struct group *gr = getgrnam(r->group);
	int fd[2];
	if (!pw || !gr || pipe(fd) < 0)
		return; /* courier start says that a user is missing */
	uid_t uid = pw->pw_uid;
	gid_t gid = gr->gr_gid;
	pid_t pid = fork();
	if (pid == 0)
		_exit(try_as(uid, gid, paths, n, fd[1]));
	close(fd[1]);
	char no;
	for (size_t i = 0; pid > 0 && i < n && read(fd[0], &no, 1) == 1; i++)
		if (no)
			config_fault(f, paths[i], 0,
			    "the user %s, who needs it, can't read it; %s %s", r->user, r->advice,
			    paths[i]);
	close(fd[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

void check_readable(const struct instance *in, struct config_faults *f)
{
	struct stat st;
	if (geteuid() != 0 || stat(in->etc, &st) < 0 || st.st_uid != 0)
		return; /* the instance of an ordinary user, who is all of them */
	for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
		glob_t g = {0};
		for (size_t k = 0; readers[i].names[k]; k++) {
			char *pattern = instance_path(in->etc, readers[i].names[k]);
			glob(pattern, GLOB_NOSORT | (k ? GLOB_APPEND : 0), NULL, &g);
			free(pattern);
		}
		if (g.gl_pathc)
			ask_child(&readers[i], g.gl_pathv, g.gl_pathc, f);
		globfree(&g);
	}
}
