#include "config.h"

#include "authdaemon/userdb.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

static int failed(char **why, const char *what, const char *file)
{
	*why = mem_printf("cannot %s '%s': %s", what, file, strerror(errno));
	return -1;
}

static char *beside(const char *file, const char *prefix)
{
	const char *slash = strrchr(file, '/');
	int dir = slash ? (int)(slash - file) + 1 : 0;
	return mem_printf("%.*s%s%s", dir, file, prefix, file + dir);
}

int userdb_give(int fd)
{
	const struct passwd *pw = geteuid() == 0 ? getpwnam(MAILUSER "-auth") : NULL;
	return pw ? fchown(fd, pw->pw_uid, pw->pw_gid) : 0;
}

static int give_to_owner_of_folder(int fd, const char *path)
{
	struct stat st;
	/* the folder's owner may have put a link to somebody else's file here */
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_size != 0) {
		errno = EPERM;
		return -1;
	}
	char *dir = beside(path, "");
	char *slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = 0;
	int r = stat(slash ? dir : ".", &st) < 0 ? -1 : fchown(fd, st.st_uid, st.st_gid);
	free(dir);
	return r;
}

int userdb_lock(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	if ((geteuid() == 0 && give_to_owner_of_folder(fd, path) < 0) || flock(fd, LOCK_EX) < 0) {
		int saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static bool is_changed(const struct userdb_change *c, size_t n, struct str field)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(c[i].field, field))
			return true;
	return false;
}

static void add_field(struct buf *out, bool *first, struct str field, struct str value, bool eq)
{
	if (!*first)
		buf_addc(out, '|');
	*first = false;
	buf_adds(out, field);
	if (eq || value.n)
		buf_addc(out, '=');
	buf_adds(out, value);
}

static void write_record(
    struct buf *out, struct str name, struct str record, const struct userdb_change *c, size_t n)
{
	struct str field, value;
	bool first = true;
	buf_adds(out, name);
	buf_addc(out, '\t');
	while (userdb_next(&record, &field, &value))
		if (!is_changed(c, n, field))
			add_field(out, &first, field, value, value.p != NULL);
	for (size_t i = 0; i < n; i++)
		if (c[i].what == USERDB_SET)
			add_field(out, &first, c[i].field, c[i].value, true);
	buf_addc(out, '\n');
}

static bool same_account(struct str a, struct str b)
{
	struct buf ka, kb;
	buf_init(&ka, USERDB_NAME_MAX);
	buf_init(&kb, USERDB_NAME_MAX);
	bool same = userdb_key(a, &ka) && userdb_key(b, &kb) && str_eq(buf_str(&ka), buf_str(&kb));
	buf_free(&ka);
	buf_free(&kb);
	return same;
}

/* The new text; the lines of other accounts, comments too, stay as they are. True when found. */
static bool rewrite(
    struct str text, struct str name, const struct userdb_change *c, size_t n, struct buf *out)
{
	struct str line, who, record;
	bool found = false;
	while (str_split(&text, '\n', &line)) {
		if (!text.p && line.n == 0)
			break; /* what follows the last line's end */
		bool this = userdb_line(line, &who, &record) == 1 && same_account(who, name);
		if (!this) {
			buf_adds(out, line);
			buf_addc(out, '\n');
		} else if (n && !found) {
			write_record(out, who, record, c, n);
		}
		found = found || this;
	}
	if (!found && n)
		write_record(out, name, STR_NONE, c, n);
	return found;
}

static int write_new(const char *tmp, const struct buf *text, const struct stat *old)
{
	unlink(tmp); /* left by one who died; we have the lock */
	int fd = file_create(AT_FDCWD, tmp, 0600);
	if (fd < 0)
		return -1;
	int r = file_write_all(fd, text->p, text->n);
	if (r == 0 && old)
		r = fchmod(fd, old->st_mode & 07700) < 0 ||
			    ((old->st_uid != geteuid() || old->st_gid != getegid()) &&
				fchown(fd, old->st_uid, old->st_gid) < 0 && geteuid() == 0)
			? -1
			: 0;
	if (r == 0 && !old)
		r = userdb_give(fd);
	if (r == 0)
		r = file_sync_full(fd);
	int saved = errno;
	if (file_close(fd) < 0 && r == 0)
		return -1;
	errno = saved;
	return r;
}

static int put_in_place(const char *file, const struct buf *text, char **why)
{
	struct stat st;
	bool is_there = stat(file, &st) == 0;
	char *tmp = beside(file, ".tmp.");
	int r = write_new(tmp, text, is_there ? &st : NULL);
	if (r == 0)
		r = file_rename(AT_FDCWD, tmp, AT_FDCWD, file);
	if (r < 0) {
		failed(why, "write", tmp);
		unlink(tmp);
	} else {
		char *dir = beside(file, "");
		char *slash = strrchr(dir, '/');
		if (slash)
			slash[slash == dir] = 0;
		r = file_sync_dir(AT_FDCWD, slash ? dir : ".");
		if (r < 0)
			failed(why, "sync the folder of", file);
		free(dir);
	}
	free(tmp);
	return r;
}

static int edit_locked(
    const char *file, struct str name, const struct userdb_change *c, size_t n, char **why)
{
	struct buf old, new;
	buf_init(&old, USERDB_FILE_MAX);
	buf_init(&new, USERDB_FILE_MAX);
	int r = file_read(AT_FDCWD, file, &old);
	if (r < 0 && errno != ENOENT) {
		failed(why, "read", file);
	} else if (!rewrite(buf_str(&old), name, c, n, &new) && n == 0) {
		r = 1;
	} else if (new.failed) {
		errno = EFBIG;
		r = failed(why, "write", file);
	} else {
		r = put_in_place(file, &new, why);
	}
	mem_wipe(old.p, old.n);
	mem_wipe(new.p, new.n);
	buf_free(&old);
	buf_free(&new);
	return r;
}

int userdb_edit(
    const char *file, struct str name, const struct userdb_change *c, size_t n, char **why)
{
	*why = NULL;
	for (size_t i = 0; i < n; i++)
		if (!userdb_field_ok(c[i].field) || !userdb_value_ok(c[i].value)) {
			*why = mem_printf("'%.*s': not a field or value that userdb can hold",
			    STR_FMT(c[i].field));
			return -1;
		}
	if (!userdb_name_ok(name)) {
		*why = mem_printf("'%.*s' can't be an account's name", STR_FMT(name));
		return -1;
	}
	char *lock = beside(file, ".lock.");
	int fd = userdb_lock(lock);
	int r = fd < 0 ? failed(why, "lock", lock) : edit_locked(file, name, c, n, why);
	if (fd >= 0)
		close(fd);
	free(lock);
	return r;
}

struct search {
	struct str name;
	char *file;
};

static int found_in(void *ctx, const struct userdb_entry *e)
{
	struct search *s = ctx;
	if (!same_account(e->name, s->name))
		return 0;
	s->file = mem_strdup(e->file);
	return 1;
}

char *userdb_file_of(const char *path, struct str name, char **why)
{
	struct search s = {.name = name};
	struct stat st;
	*why = NULL;
	bool folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
	if (!folder)
		return mem_strdup(path);
	if (userdb_read(path, found_in, &s, why) < 0)
		return NULL;
	if (!s.file)
		return mem_printf("%s/accounts", path);
	const char *slash = strrchr(path, '/');
	int dir = slash ? (int)(slash - path) + 1 : 0;
	char *full = mem_printf("%.*s%s", dir, path, s.file);
	free(s.file);
	return full;
}
