#include "config.h"

#include "filter/drop-private.h"
#include "table/table.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * A database is a table (libs/table).  What is stored is kept here and, at its closing, written
 * with the old records to a new file that takes the old one's place; readers never see half of it.
 */
struct database {
	char *path;
	struct table *table; /* NULL: made anew */
	struct map *fresh;   /* key to struct record */
	bool writable, changed;
};

struct record {
	size_t n;
	char p[];
};

void *drop_db_open(struct filter_run *r, struct str path, char mode)
{
	struct database *db = mem_new(struct database);
	db->path = mem_strndup(path.p ? path.p : "", path.n);
	db->fresh = map_new();
	db->writable = mode != 'R';
	db->table = mode == 'N' ? NULL : table_open(db->path);
	db->changed = mode == 'N';
	if (mode == 'N' || (db->table && table_prime(db->table) == 0))
		return db;
	if (mode == 'C' && errno == ENOENT) {
		db->changed = true;
		return db;
	}
	filter_say(r, 1, "cannot open the database \"%s\": %s", db->path, strerror(errno));
	db->changed = false;
	drop_db_close(r, db);
	return NULL;
}

int drop_db_fetch(struct filter_run *r, void *handle, struct str key, struct buf *out)
{
	struct database *db = handle;
	struct record *mine = map_get(db->fresh, key);
	if (mine)
		return buf_add(out, mine->p, mine->n) ? 1 : -1;
	if (!db->table || key.n > TABLE_KEY_MAX)
		return 0;
	int hit = table_get(db->table, key, out);
	if (hit < 0 && errno == ENOENT)
		return 0;
	return hit < 0 ? filter_fail(r, "gdbmfetch from \"%s\": %s", db->path, strerror(errno))
		       : hit;
}

int drop_db_store(struct filter_run *r, void *handle, struct str key, struct str value)
{
	struct database *db = handle;
	if (!db->writable || !key.n || key.n > TABLE_KEY_MAX || value.n > TABLE_VALUE_MAX)
		return filter_fail(r, "gdbmstore to \"%s\": not possible", db->path);
	struct record *rec = mem_alloc(sizeof *rec + value.n + 1);
	rec->n = value.n;
	if (value.n)
		memcpy(rec->p, value.p, value.n);
	free(map_get(db->fresh, key));
	map_set(db->fresh, key, rec);
	db->changed = true;
	return 0;
}

struct copy {
	struct database *db;
	struct table_build *b;
};

static int copy_old(void *ctx, struct str key, struct str value)
{
	struct copy *c = ctx;
	return map_get(c->db->fresh, key) || table_build_put(c->b, key, value, true) >= 0 ? 0 : -1;
}

static int write_back(struct database *db)
{
	struct copy c = {db, table_build_begin(db->path, TABLE_HASH, 0600)};
	size_t at = 0;
	struct str key;
	void *value;
	if (!c.b)
		return -1;
	int done = db->table ? table_each(db->table, copy_old, &c) : 0;
	if (done < 0 && errno == ENOENT)
		done = 0;
	while (done == 0 && map_next(db->fresh, &at, &key, &value)) {
		const struct record *rec = value;
		done = table_build_put(c.b, key, str_at(rec->p, rec->n), true) < 0 ? -1 : 0;
	}
	if (done == 0)
		return table_build_commit(c.b);
	table_build_abort(c.b);
	return -1;
}

int drop_db_close(struct filter_run *r, void *handle)
{
	struct database *db = handle;
	int done = db->changed ? write_back(db) : 0;
	if (done < 0)
		filter_fail(r, "cannot write the database \"%s\": %s", db->path, strerror(errno));
	table_close(db->table);
	map_free(db->fresh, free);
	free(db->path);
	free(db);
	return done;
}
