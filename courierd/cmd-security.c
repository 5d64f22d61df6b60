/*
 * courier security: the live processes against the table of roles.  Prints user, groups,
 * capabilities, root folder, no_new_privs and open descriptors of each; ends with 1 when one
 * differs from what is promised.
 */
#include "config.h"

#include "courierd/courier.h"
#include "courierd/roles.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct facts {
	uint64_t uid, gid, caps, no_new_privs;
	struct str groups;
	char root[PATH_MAX];
	unsigned fds, files;
	struct buf text;
};

static bool status_field(struct str text, const char *name, struct str *value)
{
	struct str line;
	while (str_split(&text, '\n', &line))
		if (str_starts(line, str_of(name))) {
			*value = str_trim(str_skip(line, strlen(name)));
			return true;
		}
	return false;
}

/* The second of "real effective saved fs". */
static uint64_t effective(struct str ids)
{
	struct str word;
	uint64_t v = UINT64_MAX;
	if (str_word(&ids, &word) && str_word(&ids, &word))
		(void)str_u64(word, &v);
	return v;
}

static void count_descriptors(const char *proc, struct facts *f)
{
	char *dir = mem_printf("%s/fd", proc);
	DIR *d = opendir(dir);
	struct dirent *e;
	while (d && (e = readdir(d))) {
		char target[PATH_MAX];
		if (e->d_name[0] == '.')
			continue;
		ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof target - 1);
		f->fds++;
		if (n > 0 && target[0] == '/' && strncmp(target, "/dev/", 5) != 0)
			f->files++;
	}
	if (d)
		closedir(d);
	free(dir);
}

static bool gather(uint64_t pid, struct facts *f)
{
	char *proc = mem_printf("/proc/%llu", (unsigned long long)pid),
	     *path = mem_printf("%s/status", proc);
	struct str v;
	buf_init(&f->text, 65536);
	FILE *file = fopen(path, "r");
	bool ok = file && file_read_fd(fileno(file), &f->text) == 0;
	if (file)
		fclose(file);
	free(path);
	path = mem_printf("%s/root", proc);
	ssize_t n = readlink(path, f->root, sizeof f->root - 1);
	f->root[n > 0 ? n : 0] = 0;
	struct str text = buf_str(&f->text);
	f->uid = ok && status_field(text, "Uid:", &v) ? effective(v) : UINT64_MAX;
	f->gid = ok && status_field(text, "Gid:", &v) ? effective(v) : UINT64_MAX;
	f->groups = ok && status_field(text, "Groups:", &v) ? v : STR_NONE;
	if (ok && status_field(text, "CapEff:", &v))
		(void)str_hex64(v, &f->caps);
	if (ok && status_field(text, "NoNewPrivs:", &v))
		(void)str_u64(v, &f->no_new_privs);
	count_descriptors(proc, f);
	free(path);
	free(proc);
	return ok;
}

static unsigned fault(const char *role, const char *what)
{
	printf("  FAULT: %s %s\n", role, what);
	return 1;
}

static unsigned compare(const struct role *r, const struct facts *f, const char *jail)
{
	unsigned bad = 0;
	struct passwd *pw = getpwnam(r->user);
	struct group *gr = getgrnam(role_group(r));
	bool root = r->flags & ROLE_ROOT;
	if (!pw || !gr || f->uid != pw->pw_uid || (!root && f->gid != gr->gr_gid))
		bad += fault(r->name, "does not run as its user");
	if (!root && f->caps)
		bad += fault(r->name, "has capabilities");
	if (!root && gr) {
		char only[24];
		snprintf(only, sizeof only, "%u", (unsigned)gr->gr_gid);
		if (!str_is(f->groups, only))
			bad += fault(r->name, "is member of other groups");
	}
	if ((r->flags & ROLE_CHROOT) && strcmp(f->root, jail) != 0)
		bad += fault(r->name, "is not shut into its folder");
	if (!(r->flags & ROLE_MAY_GAIN) && f->no_new_privs != 1)
		bad += fault(r->name, "may gain rights");
	return bad;
}

/* The folder it is to be shut into, without links. */
static char *jail_of(const struct instance *in, const struct role *r)
{
	char *path = r->jail ? instance_path(in->var, r->jail) : instance_path(in->run, "empty");
	char real[PATH_MAX];
	if (!realpath(path, real))
		return path;
	free(path);
	return mem_strdup(real);
}

static unsigned examine(struct str line, const struct roles *roles, const struct instance *in)
{
	struct str name, number, pid_text;
	uint64_t pid;
	struct facts f = {0};
	if (!str_word(&line, &name) || !str_word(&line, &number) || !str_word(&line, &pid_text) ||
	    !str_u64(pid_text, &pid) || pid == 0)
		return 0;
	if (!gather(pid, &f)) {
		printf("%-12.*s %7llu  gone\n", STR_FMT(name), (unsigned long long)pid);
		buf_free(&f.text);
		return 0;
	}
	struct passwd *pw = getpwuid((uid_t)f.uid);
	printf("%-12.*s %7llu user %-14s groups %-8.*s caps %llx  root %s  no_new_privs %llu  "
	       "descriptors %u (files %u)\n",
	    STR_FMT(name), (unsigned long long)pid, pw ? pw->pw_name : "?", STR_FMT(f.groups),
	    (unsigned long long)f.caps, f.root, (unsigned long long)f.no_new_privs, f.fds, f.files);
	const struct role *r = roles_find(roles, name);
	char *jail = r ? jail_of(in, r) : NULL;
	unsigned bad = r ? compare(r, &f, jail) : 0;
	free(jail);
	buf_free(&f.text);
	return bad;
}

int cmd_security(const struct instance *in, int argc, char **argv)
{
	struct buf procs;
	struct roles roles;
	unsigned bad = 0;
	buf_init(&procs, 1024 * 1024);
	if (geteuid() != 0) {
		fprintf(stderr, "courier: an instance of an ordinary user has one user for all "
				"roles; only root's can be compared\n");
		return EXIT_FAILURE;
	}
	if (ask(in, "courierd", "status", &procs, 10) < 0) {
		fprintf(stderr, "courier: not running\n");
		return EXIT_NOT_RUNNING;
	}
	if (roles_load(&roles, in) < 0)
		return EXIT_FAILURE;
	struct str rest = buf_str(&procs), line;
	while (str_split(&rest, '\n', &line))
		bad += examine(line, &roles, in);
	if (bad)
		printf("%u differences from the promised table\n", bad);
	else
		printf("as promised\n");
	buf_free(&procs);
	return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
