/*
 * From root to what the role table says, in one order for all: look up the user, close the world
 * (chroot), drop groups, group, user; prove that there is no way back; no new privileges.
 */
#include "config.h"

#include "service/service-private.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef HAVE_SYS_PRCTL_H
#include <sys/prctl.h>
#endif

static int fail(const char *what, const char *subject)
{
	log_error(NULL, "%s '%s': %m", what, subject);
	return -1;
}

static int enter_chroot(struct service *s)
{
	if (chroot(s->empty_dir) < 0 || chdir("/") < 0)
		return fail("cannot change the root folder to", s->empty_dir);
	return 0;
}

static int become(uid_t uid, gid_t gid, const char *user)
{
	if (setgroups(1, &gid) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return fail("cannot become user", user);
	if (uid != 0 && (setuid(0) == 0 || seteuid(0) == 0)) {
		log_error(NULL,
		    "rights were not dropped for good as '%s'; this system cannot be trusted with "
		    "it",
		    user);
		return -1;
	}
	return 0;
}

static void no_new_privileges(struct service *s)
{
#ifdef HAVE_SYS_PRCTL_H
	if (!(s->flags & CONTROL_MAY_GAIN) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		log_warning(NULL, "the kernel has no no_new_privs: %m");
	if (!getenv("COURIER_DUMPABLE"))
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

int service_drop_privileges(struct service *s)
{
	if (geteuid() == 0 && !(s->flags & CONTROL_KEEP_PRIVS)) {
		s->jailed = s->flags & CONTROL_CHROOT;
		errno = 0;
		struct passwd *pw = getpwnam(s->user);
		struct group *gr = getgrnam(s->group);
		if (!pw || !gr) {
			log_error(NULL,
			    "user '%s' or group '%s' does not exist; courier init makes them",
			    s->user, s->group);
			return -1;
		}
		uid_t uid = pw->pw_uid;
		gid_t gid = gr->gr_gid;
		if ((s->flags & CONTROL_CHROOT) && enter_chroot(s) < 0)
			return -1;
		if (become(uid, gid, s->user) < 0)
			return -1;
	}
	no_new_privileges(s);
	return 0;
}
