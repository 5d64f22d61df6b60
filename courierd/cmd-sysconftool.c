/*
 * sysconftool FILE.dist...: brings FILE up to FILE.dist, see sysconf.h.  Without files: every
 * shipped file, against the installed configuration.  What changes is first copied to FILE.bak.
 */
#include "config.h"

#include "courierd/courier.h"
#include "courierd/sysconf.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 1024 * 1024 };

static int fail(const char *what, const char *path)
{
	fprintf(stderr, "sysconftool: cannot %s '%s': %s\n", what, path, strerror(errno));
	return -1;
}

/* With the owner and the mode that the old one has. */
static int replace(const char *path, struct str text, const struct stat *st)
{
	if (file_replace(-1, path, text.p, text.n, st->st_mode & 0777))
		return fail("write", path);
	return geteuid() == 0 && lchown(path, st->st_uid, st->st_gid) ? fail("give away", path) : 0;
}

static int update(const char *path, struct str old, struct str merged, const struct stat *st)
{
	char *bak = mem_printf("%s.bak", path);
	int r = replace(bak, old, st) || replace(path, merged, st) ? -1 : 0;
	if (!r)
		printf("%s: updated; the old one is %s\n", path, bak);
	free(bak);
	return r;
}

static int merge(const char *dist, const char *path, bool look_only)
{
	struct buf old, fresh, out;
	struct stat st = {.st_mode = 0644, .st_uid = geteuid(), .st_gid = getegid()};
	int r = 0;
	buf_init(&old, FILE_MAX);
	buf_init(&fresh, FILE_MAX);
	buf_init(&out, 2 * FILE_MAX);
	bool there = lstat(path, &st) == 0;
	if (file_read(-1, dist, &fresh))
		r = fail("read", dist);
	else if (there && file_read(-1, path, &old))
		r = fail("read", path);
	else if (!there && !look_only)
		r = replace(path, buf_str(&fresh), &st);
	else if (there && str_find(buf_str(&fresh), STR("##NAME:")) >= 0) {
		if (!sysconf_merge(buf_str(&old), buf_str(&fresh), &out))
			r = fail("merge", path);
		else if (!str_eq(buf_str(&out), buf_str(&old)) && look_only)
			printf("%s: would be updated\n", path);
		else if (!str_eq(buf_str(&out), buf_str(&old)))
			r = update(path, buf_str(&old), buf_str(&out), &st);
	}
	if (!r && !there)
		printf("%s: %s\n", path, look_only ? "would be made" : "new");
	buf_free(&old);
	buf_free(&fresh);
	buf_free(&out);
	return r;
}

static int merge_dist(const char *dist, bool look_only)
{
	struct str base = str_of(dist);
	if (!str_ends(base, STR(".dist"))) {
		fprintf(stderr, "sysconftool: '%s' does not end in .dist\n", dist);
		return -1;
	}
	char *path = mem_strndup(dist, base.n - 5);
	int r = merge(dist, path, look_only);
	free(path);
	return r;
}

static int merge_shipped(bool look_only)
{
	struct instance in = {0};
	char *why = NULL;
	DIR *d = opendir(PKGDATADIR "/etc");
	int r = 0;
	if (!d)
		return fail("read", PKGDATADIR "/etc");
	if (instance_find(&in, NULL, &why)) {
		fprintf(stderr, "sysconftool: %s\n", why);
		free(why);
		closedir(d);
		return -1;
	}
	for (struct dirent *e; (e = readdir(d));) {
		struct stat st;
		char *dist = instance_path(PKGDATADIR "/etc", e->d_name),
		     *path = instance_path(in.etc, e->d_name);
		if (e->d_name[0] != '.' && !stat(dist, &st) && S_ISREG(st.st_mode))
			r |= merge(dist, path, look_only);
		free(dist);
		free(path);
	}
	closedir(d);
	instance_free(&in);
	return r;
}

int cmd_sysconftool(const struct instance *unused UNUSED, int argc, char **argv)
{
	bool look_only = argc > 1 && strcmp(argv[1], "-n") == 0;
	int r = 0, first = look_only ? 2 : 1;
	if (first < argc && argv[first][0] == '-') {
		fprintf(stderr, "usage: %s\n", "sysconftool [-n] [FILE.dist...]");
		return EXIT_BAD_USAGE;
	}
	for (int i = first; i < argc; i++)
		r |= merge_dist(argv[i], look_only);
	if (first == argc)
		r = merge_shipped(look_only);
	return r ? EXIT_FAILURE : EXIT_SUCCESS;
}
