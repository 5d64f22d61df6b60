#include "config.h"

#include "table/table-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { TOKEN_LEN = 12 };

struct table_build {
	DB *db;
	char *path, *tmp;
	mode_t mode;
};

static char *temporary_beside(const char *path)
{
	char token[TOKEN_LEN + 1];
	const char *slash = strrchr(path, '/');
	int dir = slash ? (int)(slash - path) + 1 : 0;
	random_token(token, TOKEN_LEN);
	return mem_printf("%.*s.%s.%s", dir, path, path + dir, token);
}

/* ".NAME.TOKEN", or the name Berkeley DB gives such a file for a moment: "__db..NAME.TOKEN". */
static bool is_temporary(struct str file, struct str name)
{
	if (str_starts(file, STR("__db.")))
		file = str_skip(file, 5);
	return file.n == name.n + TOKEN_LEN + 2 && file.p[0] == '.' &&
	       str_starts(str_skip(file, 1), name) && file.p[name.n + 1] == '.';
}

void table_build_sweep(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? mem_strndup(path, (size_t)(slash - path) + 1) : mem_strdup(".");
	struct str name = str_of(slash ? slash + 1 : path);
	DIR *d = opendir(folder);
	struct dirent *e;
	while (d && (e = readdir(d)))
		if (is_temporary(str_of(e->d_name), name))
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	free(folder);
}

static void forget(struct table_build *b)
{
	free(b->path);
	free(b->tmp);
	free(b);
}

struct table_build *table_build_begin(const char *path, enum table_kind kind, mode_t mode)
{
	DB *db = table_db_new(path);
	if (!db)
		return NULL;
	struct table_build *b = mem_new(struct table_build);
	b->db = db;
	b->path = mem_strdup(path);
	b->tmp = temporary_beside(path);
	b->mode = mode;
	int r = db->set_flags(db, DB_CHKSUM);
	if (r == 0)
		/* nobody else reads it before commit gives it its mode */
		r = db->open(db, NULL, b->tmp, NULL, kind == TABLE_HASH ? DB_HASH : DB_BTREE,
		    DB_CREATE | DB_EXCL, 0600);
	if (r == 0)
		return b;
	db->close(db, DB_NOSYNC);
	forget(b);
	table_db_error(r);
	return NULL;
}

int table_build_put(struct table_build *b, struct str key, struct str value, bool replace)
{
	if (key.n == 0 || key.n > TABLE_KEY_MAX || value.n > TABLE_VALUE_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	DBT k = table_dbt(key), v = table_dbt(value);
	int r = b->db->put(b->db, NULL, &k, &v, replace ? 0 : DB_NOOVERWRITE);
	return r == DB_KEYEXIST ? 1 : table_db_error(r);
}

int table_build_get(struct table_build *b, struct str key, struct buf *out)
{
	DBT k = table_dbt(key), v = {0};
	buf_clear(out);
	int r = b->db->get(b->db, NULL, &k, &v, 0);
	if (r == DB_NOTFOUND)
		return 0;
	if (r != 0)
		return table_db_error(r);
	if (buf_add(out, v.data, v.size))
		return 1;
	errno = EFBIG;
	return -1;
}

static int sync_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return file_sync_dir(AT_FDCWD, ".");
	char *dir = mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
	int r = file_sync_dir(AT_FDCWD, dir);
	free(dir);
	return r;
}

/* Berkeley DB's own sync can't be trusted to reach the disk in every build of it: ours can. */
static int settle(const struct table_build *b)
{
	int fd = file_open_read(AT_FDCWD, b->tmp);
	if (fd < 0)
		return -1;
	int r = fchmod(fd, b->mode) < 0 || file_sync_full(fd) < 0 ? -1 : 0;
	if (file_close(fd) < 0)
		r = -1;
	if (r == 0)
		r = file_rename(AT_FDCWD, b->tmp, AT_FDCWD, b->path);
	return r;
}

int table_build_commit(struct table_build *b)
{
	int r = table_db_error(b->db->close(b->db, 0));
	if (r == 0)
		r = settle(b);
	if (r == 0) {
		r = sync_parent(b->path);
	} else {
		int saved = errno;
		file_unlink(AT_FDCWD, b->tmp);
		errno = saved;
	}
	forget(b);
	return r;
}

void table_build_abort(struct table_build *b)
{
	if (!b)
		return;
	b->db->close(b->db, DB_NOSYNC);
	file_unlink(AT_FDCWD, b->tmp);
	forget(b);
}
