/*
 * courier security: the live processes against the table of roles.  Prints user, groups,
 * capabilities, root folder, no_new_privs and open descriptors of each; ends with 1 when one
 * differs from what is promised.
 */
#include "config.h"

#include "base/child.h"
#include "courierd/courier.h"
#include "courierd/roles.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BEGIN_MS = 200 };

struct facts {
	uint64_t uid, gid, caps, no_new_privs;
	struct str groups;
	char root[PATH_MAX];
	unsigned fds, files;
	bool shut; /* its user's programs cannot look into it */
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
	struct stat st;
	path = mem_printf("%s/fd", proc); /* root's, when nobody else may look */
	f->shut = stat(path, &st) == 0 && st.st_uid == 0;
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
	if (!root && !f->shut && !getenv("COURIER_DUMPABLE"))
		bad += fault(r->name, "can be looked into by programs of its user");
	return bad;
}

/* ---- children ------------------------------------------------------------------------------- */

/* Helpers with root's rights where the table has one; sessions and workers of accounts. */
static unsigned compare_child(const struct role *r, const char *name, const struct facts *f)
{
	unsigned bad = 0;
	bool broker = r->flags & ROLE_ROOT;
	if (f->uid == 0 && !broker && !(r->flags & ROLE_ROOT_SETUP))
		bad += fault(name, "has root's rights, which its role has not");
	if (f->uid != 0 && f->caps)
		bad += fault(name, "has capabilities");
	if (broker && f->uid != 0 && !f->shut && process_shuts())
		bad += fault(name, "can be looked into by programs of its user");
	return bad;
}

static unsigned examine_child(const struct role *r, struct str pid_text)
{
	struct facts f = {0};
	struct str name = STR("?");
	uint64_t pid;
	unsigned bad = 0;
	char label[64];
	bool there = str_u64(pid_text, &pid) && gather(pid, &f);
	if (there && !f.shut && f.uid != 0) { /* it may have begun just now */
		poll(NULL, 0, BEGIN_MS);
		buf_free(&f.text);
		f = (struct facts){0};
		there = gather(pid, &f);
	}
	if (there) {
		(void)status_field(buf_str(&f.text), "Name:", &name);
		snprintf(label, sizeof label, "%s: %.*s", r->name, STR_FMT(name));
		printf("  %-20.*s %llu uid %llu caps %llx no_new_privs %llu%s\n", STR_FMT(name),
		    (unsigned long long)pid, (unsigned long long)f.uid, (unsigned long long)f.caps,
		    (unsigned long long)f.no_new_privs, f.shut ? "" : " open to its user");
		bad = compare_child(r, label, &f);
	}
	buf_free(&f.text);
	return bad;
}

/* Those of filters and modules are the administrator's programs. */
static unsigned examine_children(const struct role *r, uint64_t pid)
{
	char *path = mem_printf(
	    "/proc/%llu/task/%llu/children", (unsigned long long)pid, (unsigned long long)pid);
	struct buf text;
	unsigned bad = 0;
	bool programs = (r->flags & ROLE_MAY_GAIN) && !(r->flags & ROLE_ROOT);
	buf_init(&text, 1024 * 1024);
	FILE *file = programs ? NULL : fopen(path, "r");
	if (file && file_read_fd(fileno(file), &text) == 0) {
		struct str rest = buf_str(&text), word;
		while (str_word(&rest, &word))
			bad += examine_child(r, word);
	}
	if (file)
		fclose(file);
	buf_free(&text);
	free(path);
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
	unsigned bad = r ? compare(r, &f, jail) + examine_children(r, pid) : 0;
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
