/* sharedindexinstall: puts new index files of shared folders in place. */
#include "config.h"

#include "base/base.h"
#include "config/instance.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef VEC(char *) names;

static _Noreturn void fail(const char *what, const char *name)
{
	fprintf(stderr, "sharedindexinstall: %s '%s': %s\n", what, name, strerror(errno));
	exit(1);
}

/* A process that reads "index" finds the files that it names: it goes first when they go, last
 * when they come. */
static int index_last(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	bool i = !strcmp(x, "index"), j = !strcmp(y, "index");
	return i != j ? i - j : strcmp(x, y);
}

static int open_folder(const char *path, names *out)
{
	struct dirent *e;
	struct stat st;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *h = fd < 0 ? NULL : fdopendir(dup(fd));
	if (!h)
		fail("cannot open the folder", path);
	while ((e = readdir(h)))
		if (e->d_name[0] != '.' && fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode))
			vec_push(out, mem_strdup(e->d_name));
	closedir(h);
	if (out->n)
		qsort(out->v, out->n, sizeof *out->v, index_last);
	return fd;
}

/* A file's contents are on the disk before its name is. */
static void sync_file(int dir, const char *name)
{
	int fd = file_open_read(dir, name);
	if (fd < 0 || file_sync_full(fd) < 0)
		fail("cannot sync", name);
	close(fd);
}

static bool has(const names *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i], name))
			return true;
	return false;
}

static void install(const char *from, const char *to)
{
	names fresh = {0}, old = {0};
	int in = open_folder(from, &fresh), out = open_folder(to, &old);
	if (!fresh.n) {
		fprintf(stderr, "sharedindexinstall: '%s' is empty: nothing is changed\n", from);
		exit(1);
	}
	for (size_t i = 0; i < fresh.n; i++) {
		sync_file(in, fresh.v[i]);
		if (file_rename(in, fresh.v[i], out, fresh.v[i]) < 0)
			fail("cannot put in place", fresh.v[i]);
	}
	for (size_t i = old.n; i-- > 0;)
		if (!has(&fresh, old.v[i]) && file_unlink(out, old.v[i]) < 0 && errno != ENOENT)
			fail("cannot remove", old.v[i]);
	if (file_sync_dir(out, ".") < 0)
		fail("cannot sync", to);
}

int main(int argc, char **argv)
{
	struct instance in;
	char *why = NULL;
	const char *dir = NULL;
	int c;
	log_open("sharedindexinstall", LOG_TO_STDERR, -1);
	while ((c = getopt(argc, argv, "C:")) != -1) {
		if (c != 'C')
			optind = argc + 1;
		dir = optarg;
	}
	if (optind != argc) {
		fputs("usage: sharedindexinstall [-C DIR]\n", stderr);
		return 1;
	}
	if (instance_find(&in, dir, &why) < 0) {
		fprintf(stderr, "sharedindexinstall: %s\n", why);
		return 1;
	}
	install(instance_path(in.etc, "shared.tmp"), instance_path(in.etc, "shared"));
	return 0;
}
