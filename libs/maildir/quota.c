#include "config.h"

#include "maildir/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { RECOUNT_AGE = 15 * 60, COUNT_TRIES = 3, SIZE_READ_MAX = 65536 };

static char trash_folder[MAILDIR_NAME_MAX + 1] = "Trash";

void maildir_trash_name(const char *folder)
{
	snprintf(trash_folder, sizeof trash_folder, "%s", folder);
}

bool maildir_is_trash(const char *dir)
{
	const char *slash = strrchr(dir, '/'), *last = slash ? slash + 1 : dir;
	return trash_folder[0] && last[0] == '.' && strcmp(last + 1, trash_folder) == 0;
}

bool maildir_quota_parse(struct str definition, struct maildir_quota *out)
{
	struct str part;
	*out = (struct maildir_quota){0};
	while (str_split(&definition, ',', &part)) {
		uint64_t n;
		part = str_trim(part);
		if (part.n < 2 || !str_u64(str_head(part, part.n - 1), &n) || n > INT64_MAX)
			continue;
		if (part.p[part.n - 1] == 'S')
			out->max_bytes = (int64_t)n;
		else if (part.p[part.n - 1] == 'C')
			out->max_count = (int64_t)n;
	}
	return out->max_bytes > 0 || out->max_count > 0;
}

bool maildir_quota_sum(struct str file, struct maildir_quota *out, size_t *lines)
{
	struct str line, word;
	*lines = 0;
	if (!str_split(&file, '\n', &line) || !maildir_quota_parse(line, out))
		return false;
	while (str_split(&file, '\n', &line)) {
		int64_t bytes, count;
		if (!str_word(&line, &word) || !str_i64(word, &bytes) || !str_word(&line, &word) ||
		    !str_i64(word, &count))
			continue;
		if (__builtin_add_overflow(out->bytes, bytes, &out->bytes) ||
		    __builtin_add_overflow(out->count, count, &out->count))
			return false;
		++*lines;
	}
	return true;
}

/* The main Maildir of a folder, or the Maildir itself. */
static int open_root(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || faccessat(fd, "maildirfolder", F_OK, 0) < 0)
		return fd;
	int up = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(fd);
	return up;
}

struct counting {
	int64_t bytes, count;
	struct timespec newest;
};

static bool later(struct timespec a, struct timespec b)
{
	return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

static void count_file(int dirfd, const char *name, struct counting *c)
{
	struct maildir_name m;
	struct stat st;
	if (!maildir_name_parse(str_of(name), &m) || (m.flags & MAILDIR_TRASHED))
		return;
	if (!m.has_size) {
		if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
			return;
		m.size = (uint64_t)st.st_size;
	}
	c->bytes += (int64_t)m.size;
	c->count++;
}

static int count_dir(int at, const char *path, struct counting *c)
{
	struct stat st;
	struct dirent *e;
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *h = fd < 0 ? NULL : fdopendir(fd);
	if (!h)
		return errno == ENOENT ? 0 : -1;
	if (fstat(fd, &st) == 0 && later(st.st_mtim, c->newest))
		c->newest = st.st_mtim;
	while ((e = readdir(h)))
		if (e->d_name[0] != '.')
			count_file(fd, e->d_name, c);
	closedir(h);
	return 0;
}

static int count_folder(int root, const char *folder, struct counting *c)
{
	char path[MAILDIR_NAME_MAX + 8];
	static const char *const part[] = {"new", "cur"};
	for (size_t i = 0; i < ARRAY_LEN(part); i++) {
		snprintf(path, sizeof path, "%s/%s", folder, part[i]);
		if (count_dir(root, path, c) < 0)
			return -1;
	}
	return 0;
}

static int count_all(int root, struct counting *c)
{
	struct dirent *e;
	*c = (struct counting){0};
	int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *h = fd < 0 ? NULL : fdopendir(fd);
	int r = h ? count_folder(root, ".", c) : -1;
	while (r == 0 && (e = readdir(h)))
		if (e->d_name[0] == '.' && e->d_name[1] && e->d_name[1] != '.' &&
		    strcmp(e->d_name + 1, trash_folder) != 0)
			r = count_folder(root, e->d_name, c);
	if (h)
		closedir(h);
	return r;
}

static int write_size_file(int root, struct str definition, const struct counting *c)
{
	char text[512];
	int n = snprintf(text, sizeof text, "%.*s\n%12lld %12lld\n",
	    (int)(definition.n < 400 ? definition.n : 400), definition.p, (long long)c->bytes,
	    (long long)c->count);
	return maildir_put_file(root, "maildirsize", str_at(text, (size_t)n), false);
}

/*
 * Counts and writes.  A directory that changed while we counted makes the sum doubtful: then the
 * file is dropped again, and the next one who needs it counts.
 */
static int recount(int root, struct str definition, struct maildir_quota *q)
{
	struct counting c, again;
	if (count_all(root, &c) < 0 || write_size_file(root, definition, &c) < 0)
		return -1;
	q->bytes = c.bytes;
	q->count = c.count;
	if (count_all(root, &again) == 0 && later(again.newest, c.newest)) {
		q->bytes = again.bytes;
		q->count = again.count;
		write_size_file(root, definition, &again);
	}
	return 0;
}

static bool over(const struct maildir_quota *q)
{
	return (q->max_bytes > 0 && q->bytes > q->max_bytes) ||
	       (q->max_count > 0 && q->count > q->max_count);
}

/* 1: no quota.  want: what the caller would like to add, so that a full box is counted anew. */
static int read_root(int root, const struct maildir_quota *want, struct maildir_quota *out)
{
	struct buf b;
	struct stat st;
	size_t lines;
	buf_init(&b, SIZE_READ_MAX);
	int r = file_read(root, "maildirsize", &b);
	if (r < 0 && errno != EFBIG) {
		r = errno == ENOENT ? 1 : -1;
	} else if (!maildir_quota_sum(buf_str(&b), out, &lines)) {
		r = 1;
	} else {
		struct str file = buf_str(&b), line;
		struct maildir_quota then = *out;
		then.bytes += want->bytes;
		then.count += want->count;
		int64_t age =
		    fstatat(root, "maildirsize", &st, 0) == 0 ? clock_now() - st.st_mtime : 0;
		bool doubt = over(&then) && (lines > 1 || age >= RECOUNT_AGE);
		r = 0;
		str_split(&file, '\n', &line);
		if (lines == 0 || b.n >= MAILDIR_SIZE_FILE_MAX || doubt)
			r = recount(root, line, out);
	}
	buf_free(&b);
	return r;
}

int maildir_quota_read(const char *dir, struct maildir_quota *out)
{
	struct maildir_quota none = {0};
	int root = open_root(dir);
	*out = none;
	if (root < 0)
		return -1;
	int r = read_root(root, &none, out), saved = errno;
	close(root);
	errno = saved;
	return r;
}

int maildir_quota_check(const char *dir, int64_t bytes, int64_t count)
{
	struct maildir_quota want = {.bytes = bytes, .count = count}, q = {0};
	int root = open_root(dir);
	if (root < 0)
		return -1;
	int r = read_root(root, &want, &q), saved = errno;
	close(root);
	errno = saved;
	if (r != 0)
		return r < 0 ? -1 : 0;
	q.bytes += bytes;
	q.count += count;
	errno = EDQUOT;
	return over(&q) ? -1 : 0;
}

int maildir_quota_add(const char *dir, int64_t bytes, int64_t count)
{
	char line[64];
	int root = open_root(dir);
	if (root < 0)
		return -1;
	int fd =
	    openat(root, "maildirsize", O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int r = fd < 0 && errno != ENOENT ? -1 : 0;
	close(root);
	if (fd < 0)
		return r;
	int n = snprintf(line, sizeof line, "%12lld %12lld\n", (long long)bytes, (long long)count);
	r = file_write_all(fd, line, (size_t)n);
	return file_close(fd) < 0 ? -1 : r;
}

static bool same_limits(int root, const struct maildir_quota *want)
{
	struct buf b;
	struct maildir_quota have = {0};
	size_t lines;
	buf_init(&b, SIZE_READ_MAX);
	bool same = (file_read(root, "maildirsize", &b) == 0 || errno == EFBIG) &&
		    maildir_quota_sum(buf_str(&b), &have, &lines) &&
		    have.max_bytes == want->max_bytes && have.max_count == want->max_count;
	buf_free(&b);
	return same;
}

int maildir_quota_set(const char *dir, const char *definition)
{
	struct maildir_quota want;
	if (!maildir_quota_parse(str_of(definition), &want))
		return 0;
	int root = open_root(dir);
	if (root < 0)
		return -1;
	int r = same_limits(root, &want) ? 0 : recount(root, str_of(definition), &want);
	int saved = errno;
	close(root);
	errno = saved;
	return r;
}

int maildir_quota_percent(const struct maildir_quota *q)
{
	double a = q->max_bytes > 0 ? (double)q->bytes / (double)q->max_bytes : -1;
	double b = q->max_count > 0 ? (double)q->count / (double)q->max_count : -1;
	double most = a > b ? a : b;
	return most < 0 ? -1 : most > 1000 ? 100000 : (int)(most * 100);
}
