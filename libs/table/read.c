#include "config.h"

#include "table/table-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct table {
	char *path;
	DB *db;
	struct stat seen; /* of the file that db has open */
	uint64_t generation;
	bool primed;         /* keep what is open when the path can't be seen any more */
	struct stat damaged; /* the file that was found damaged, and until when it is left alone: */
	int64_t damaged_until_ms; /* Berkeley DB loses memory at each try */
};

enum { DAMAGED_MS = 10 * 1000 };

struct table *table_open(const char *path)
{
	struct table *t = mem_new(struct table);
	t->path = mem_strdup(path);
	return t;
}

static void let_go(struct table *t)
{
	if (t->db)
		t->db->close(t->db, DB_NOSYNC);
	t->db = NULL;
}

void table_close(struct table *t)
{
	if (!t)
		return;
	let_go(t);
	free(t->path);
	free(t);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* The handle can't be used any more; a damaged file is tried again after a while only. */
static int failed(struct table *t, const struct stat *st, int code)
{
	if (code < 0 || code == EINVAL || code == EIO) {
		t->damaged = *st;
		t->damaged_until_ms = clock_mono_ms() + DAMAGED_MS;
	}
	let_go(t);
	return table_db_error(code);
}

static int open_now(struct table *t, const struct stat *st)
{
	if (!S_ISREG(st->st_mode)) {
		errno = EINVAL;
		return -1;
	}
	if (t->damaged_until_ms > clock_mono_ms() && same_file(st, &t->damaged)) {
		errno = EIO;
		return -1;
	}
	DB *db = table_db_new(t->path);
	if (!db)
		return -1;
	int r = db->open(db, NULL, t->path, NULL, DB_UNKNOWN, DB_RDONLY, 0);
	if (r != 0) {
		db->close(db, DB_NOSYNC);
		return failed(t, st, r);
	}
	/* If the file was replaced between stat and open, `st` is the older one: the next lookup
	 * opens again, which is harmless. */
	let_go(t);
	t->db = db;
	t->seen = *st;
	t->generation++;
	return 0;
}

static int refresh(struct table *t)
{
	struct stat st;
	if (fstatat(AT_FDCWD, t->path, &st, 0) < 0) {
		if (t->db && t->primed)
			return 0;
		int saved = errno;
		let_go(t);
		errno = saved;
		return -1;
	}
	if (t->db && same_file(&st, &t->seen))
		return 0;
	return open_now(t, &st);
}

int table_prime(struct table *t)
{
	int r = refresh(t);
	if (r == 0)
		t->primed = true;
	return r;
}

int table_get(struct table *t, struct str key, struct buf *out)
{
	buf_clear(out);
	if (key.n == 0 || key.n > TABLE_KEY_MAX)
		return 0;
	if (refresh(t) < 0)
		return -1;
	DBT k = table_dbt(key), v = {0};
	int r = t->db->get(t->db, NULL, &k, &v, 0);
	if (r == DB_NOTFOUND)
		return 0;
	if (r != 0)
		return failed(t, &t->seen, r);
	if (buf_add(out, v.data, v.size))
		return 1;
	errno = EFBIG;
	return -1;
}

int table_prefix(struct table *t, struct str prefix,
    int (*fn)(void *ctx, struct str key, struct str value), void *ctx)
{
	DBC *cursor;
	DBTYPE type = DB_UNKNOWN;
	if (refresh(t) < 0)
		return -1;
	if (prefix.n && (t->db->get_type(t->db, &type) != 0 || type != DB_BTREE)) {
		errno = EINVAL;
		return -1;
	}
	int r = t->db->cursor(t->db, NULL, &cursor, 0);
	if (r != 0)
		return failed(t, &t->seen, r);
	DBT k = table_dbt(prefix), v = {0};
	int said = 0;
	r = cursor->get(cursor, &k, &v, prefix.n ? DB_SET_RANGE : DB_FIRST);
	while (r == 0 && said == 0 && str_starts(str_at(k.data, k.size), prefix)) {
		said = fn(ctx, str_at(k.data, k.size), str_at(v.data, v.size));
		if (said == 0)
			r = cursor->get(cursor, &k, &v, DB_NEXT);
	}
	cursor->close(cursor);
	if (r != 0 && r != DB_NOTFOUND)
		return failed(t, &t->seen, r);
	return said;
}

int table_each(struct table *t, int (*fn)(void *ctx, struct str key, struct str value), void *ctx)
{
	return table_prefix(t, STR_NONE, fn, ctx);
}

uint64_t table_generation(const struct table *t)
{
	return t->generation;
}
