#include "config.h"

#include "courierd/init.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int init_fail(const char *what, const char *subject)
{
	fprintf(stderr, "courier: cannot %s '%s': %s\n", what, subject, strerror(errno));
	return -1;
}

/* The user's own group, or the one that is named. */
static int init_own_group(
    const struct init_plan *p, const char *path, const char *user, const char *group, mode_t mode)
{
	if (p->root && user) {
		struct passwd *pw = getpwnam(user);
		struct group *gr = pw && group ? getgrnam(group) : NULL;
		if (!pw || (group && !gr) ||
		    lchown(path, pw->pw_uid, gr ? gr->gr_gid : pw->pw_gid) < 0)
			return init_fail("give to its user", path);
	}
	return chmod(path, mode) < 0 ? init_fail("set the mode of", path) : 0;
}

int init_own(const struct init_plan *p, const char *path, const char *user, mode_t mode)
{
	return init_own_group(p, path, user, NULL, mode);
}

static const struct {
	const char *path, *user; /* NULL: root's */
	mode_t mode;
	const char *group; /* NULL: the user's */
} folders[] = {
    {"etc", NULL, 0755, NULL},
    {"etc/aliases", NULL, 0755, NULL},
    {"etc/smtpaccess", NULL, 0755, NULL},
    {"etc/aliasdir", NULL, 0755, NULL},
    {"etc/filters", NULL, 0755, NULL},
    {"etc/filters/active", NULL, 0755, NULL},
    {"var", NULL, 0755, NULL},
    {"var/run", NULL, 0755, NULL},
    {"var/run/empty", NULL, 0755, NULL},
    {"var/queue", MAILUSER, 0700, NULL},
    {"var/drop", MAILUSER "-gate", 01730, MAILUSER "-drop"},
    {"var/tmp", MAILUSER "-gate", 0750, NULL}, /* filters are of its group */
    {"var/filters", MAILUSER "-filter", 0750, MAILUSER "-gate"},
    {"var/allfilters", MAILUSER "-filter", 0750, MAILUSER "-gate"},
    {"var/sts", MAILUSER "-net", 0755, NULL},
    {"var/faxtmp", MAILUSER "-filter", 0700, NULL},
    {"var/authdaemon", MAILUSER "-auth", 0750, NULL},
    {"log", NULL, 0755, NULL},
    {"mail", NULL, 0755, NULL},
};

/* "var/queue" in the instance's var, wherever that is; NULL: it has no such folder. */
static char *place(const struct init_plan *p, const char *name)
{
	const struct {
		const char *word, *folder;
	} tops[] = {
	    {"etc", p->in.etc}, {"var", p->in.var}, {"log", p->in.log}, {"mail", p->in.mail}};
	for (size_t i = 0; i < ARRAY_LEN(tops); i++) {
		size_t n = strlen(tops[i].word);
		if (strncmp(name, tops[i].word, n) == 0 && (name[n] == 0 || name[n] == '/'))
			return tops[i].folder ? mem_printf("%s%s", tops[i].folder, name + n) : NULL;
	}
	return NULL;
}

/* The suite's users must be able to go there: every folder above lets others pass. */
static bool passable(const char *dir)
{
	char *path = mem_strdup(dir);
	struct stat st;
	bool ok = true;
	for (char *slash; ok && (slash = strrchr(path, '/')); *slash = 0)
		ok = stat(*path ? path : "/", &st) == 0 && (st.st_mode & S_IXOTH);
	if (!ok)
		fprintf(stderr,
		    "courier: '%s' is closed to the suite's own users; choose a folder that lets "
		    "others pass (chmod o+x)\n",
		    dir);
	free(path);
	return ok;
}

int init_folders(struct init_plan *p)
{
	const char *top = p->system ? p->in.etc : p->dir;
	if (file_mkdirs(-1, top, 0755) < 0)
		return init_fail("make the folder", top);
	if (p->root && !file_path_trusted(top, 0)) {
		fprintf(stderr,
		    "courier: '%s' lies in a folder that others can write; root makes no instance "
		    "there\n",
		    top);
		return -1;
	}
	if (p->root && !passable(top))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		char *path = place(p, folders[i].path);
		if (!path)
			continue;
		int r = file_mkdirs(-1, path, 0700) < 0 ? init_fail("make the folder", path)
							: init_own_group(p, path, folders[i].user,
							      folders[i].group, folders[i].mode);
		free(path);
		if (r < 0)
			return -1;
	}
	return 0;
}
