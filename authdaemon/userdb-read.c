#include "config.h"

#include "authdaemon/userdb.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct walk {
	int (*file)(struct walk *w, int fd, const struct stat *st, const char *name);
	int (*fn)(void *ctx, const struct userdb_entry *e);
	void *ctx;
	char *why;
	uint64_t signature;
	int64_t changed_ns;
};

static int PRINTF_LIKE(2, 3) complain(struct walk *w, const char *fmt, ...)
{
	va_list ap;
	int saved = errno;
	struct buf text;
	buf_init(&text, 2048);
	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	if (!w->why)
		w->why = mem_strdup(text.p);
	buf_free(&text);
	errno = saved;
	return -1;
}

static int walk_at(struct walk *w, int dirfd, const char *path, const char *name, int depth);

/* In the order of names: what counts when an account stands twice must not depend on the disk. */
static int walk_folder(struct walk *w, int fd, const char *name, int depth)
{
	struct dirent **list;
	if (depth > USERDB_DEPTH_MAX)
		return complain(w, "'%s': folders too deep", name);
	int n = scandirat(fd, ".", &list, NULL, alphasort), r = 0;
	if (n < 0)
		return complain(w, "cannot list '%s': %s", name, strerror(errno));
	for (int i = 0; i < n; i++) {
		const char *entry = list[i]->d_name;
		if (r == 0 && entry[0] != '.') {
			char *below = mem_printf("%s/%s", name, entry);
			r = walk_at(w, fd, entry, below, depth + 1);
			free(below);
		}
		free(list[i]);
	}
	free(list);
	return r;
}

static int walk_at(struct walk *w, int dirfd, const char *path, const char *name, int depth)
{
	struct stat st;
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return complain(w, "cannot open '%s': %s", name, strerror(errno));
	int r = fstat(fd, &st);
	if (r < 0)
		complain(w, "cannot look at '%s': %s", name, strerror(errno));
	else if (S_ISDIR(st.st_mode))
		r = walk_folder(w, fd, name, depth);
	else if (S_ISREG(st.st_mode))
		r = w->file(w, fd, &st, name);
	int saved = errno;
	close(fd);
	errno = saved;
	return r;
}

static int walk_from(struct walk *w, const char *path)
{
	const char *slash = strrchr(path, '/');
	return walk_at(w, AT_FDCWD, path, slash ? slash + 1 : path, 0);
}

static int lines(struct walk *w, struct str text, const char *name)
{
	struct userdb_entry e = {.file = name};
	struct str line;
	while (str_split(&text, '\n', &line)) {
		e.line++;
		int kind = userdb_line(line, &e.name, &e.record);
		if (kind < 0) {
			errno = EINVAL;
			return complain(
			    w, "%s:%u: not NAME<TAB>FIELD=VALUE|FIELD=VALUE", name, e.line);
		}
		int r = kind ? w->fn(w->ctx, &e) : 0;
		if (r != 0)
			return r;
	}
	return 0;
}

static int read_file(struct walk *w, int fd, const struct stat *st, const char *name)
{
	struct buf text;
	if (st->st_mode & 077) {
		errno = EPERM;
		return complain(w, "'%s' may be read by others than its owner; chmod go= it", name);
	}
	buf_init(&text, USERDB_FILE_MAX);
	int r = file_read_fd(fd, &text);
	if (r < 0)
		complain(w, "cannot read '%s': %s", name, strerror(errno));
	else
		r = lines(w, buf_str(&text), name);
	mem_wipe(text.p, text.n);
	buf_free(&text);
	return r;
}

int userdb_read(
    const char *path, int (*fn)(void *ctx, const struct userdb_entry *e), void *ctx, char **why)
{
	struct walk w = {.file = read_file, .fn = fn, .ctx = ctx};
	int r = walk_from(&w, path), saved = errno;
	if (why)
		*why = w.why;
	else
		free(w.why);
	errno = saved;
	return r;
}

static int sign_file(struct walk *w, int fd UNUSED, const struct stat *st, const char *name UNUSED)
{
	int64_t ns = st->st_mtim.tv_sec * INT64_C(1000000000) + st->st_mtim.tv_nsec;
	uint64_t facts[] = {st->st_ino, (uint64_t)ns, (uint64_t)st->st_size};
	for (size_t i = 0; i < ARRAY_LEN(facts); i++)
		w->signature = (w->signature ^ facts[i]) * UINT64_C(0x9e3779b97f4a7c15) + 1;
	if (ns > w->changed_ns)
		w->changed_ns = ns;
	return 0;
}

uint64_t userdb_signature(const char *path, int64_t *changed_ns)
{
	struct walk w = {.file = sign_file};
	if (walk_from(&w, path) < 0 && errno == ENOENT)
		w.signature = 0;
	else if (w.signature == 0)
		w.signature = 1; /* there, but empty or not to be read */
	*changed_ns = w.changed_ns;
	free(w.why);
	return w.signature;
}
