#include "config.h"

#include "submit/alias-source.h"
#include "config/folder.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SOURCE_MAX = 256 * 1024 * 1024 };

struct adding {
	struct alias_set *set;
	struct arena *arena;
	const char *tool, *folder;
};

static int add_text(struct adding *a, const char *path, int r, struct buf *text)
{
	/* The name stays: faults found while following are told with it. */
	const char *kept = arena_strz(a->arena, str_of(path));
	if (r == 0)
		r = kept ? alias_set_add(a->set, buf_str(text), kept) : -1;
	else
		fprintf(stderr, "%s: cannot read '%s': %s\n", a->tool, path, strerror(errno));
	return r;
}

static int add_file(void *ctx, int dir, const char *name)
{
	struct adding *a = ctx;
	struct buf text;
	char *path = a->folder ? mem_printf("%s/%s", a->folder, name) : mem_strdup(name);
	buf_init(&text, SOURCE_MAX);
	int r = add_text(a, path, file_read(dir, name, &text), &text);
	buf_free(&text);
	free(path);
	return r;
}

int alias_source_add(struct alias_set *s, struct arena *arena, const char *tool, const char *path)
{
	struct adding a = {s, arena, tool, NULL};
	struct stat st;
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
		return add_file(&a, AT_FDCWD, path);
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	a.folder = path;
	int r = dir < 0 ? -1 : folder_each(dir, path, true, add_file, &a);
	if (dir < 0)
		fprintf(stderr, "%s: cannot read '%s': %s\n", tool, path, strerror(errno));
	else
		close(dir);
	return r;
}

static const char *refusal(const struct stat *st, uid_t owner)
{
	if (!S_ISREG(st->st_mode))
		return "it is no plain file";
	if (st->st_uid != 0 && st->st_uid != geteuid() && st->st_uid != owner)
		return "it belongs to another user";
	return st->st_mode & S_IWOTH ? "everybody may write it" : NULL;
}

int alias_source_include(const char *tool, uid_t owner, struct str path, struct buf *out)
{
	struct stat st;
	char *z = mem_strndup(path.p, path.n);
	int fd = z[0] == '/' ? open(z, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
	const char *why = NULL;
	int r = -1;
	if (z[0] != '/')
		why = "the path must begin with /";
	else if (fd < 0 || fstat(fd, &st) < 0)
		why = strerror(errno);
	else if (!(why = refusal(&st, owner))) {
		r = file_read_fd(fd, out);
		why = r < 0 ? strerror(errno) : NULL;
	}
	if (why)
		fprintf(stderr, "%s: cannot include '%s': %s\n", tool, z, why);
	if (fd >= 0)
		close(fd);
	free(z);
	return r;
}
