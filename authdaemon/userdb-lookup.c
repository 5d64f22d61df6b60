#include "config.h"

#include "authdaemon/userdb.h"
#include "table/table.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct userdb {
	char *text_path, *open_path;
	struct table *open, *shadow;
	struct map *text; /* key -> record; NULL: not read */
	uint64_t signature, warned;
	struct buf key, part;
};

struct userdb *userdb_open(const char *base)
{
	struct userdb *u = mem_new(struct userdb);
	char *shadow = mem_printf("%sshadow.dat", base);
	u->text_path = mem_strdup(base);
	u->open_path = mem_printf("%s.dat", base);
	u->open = table_open(u->open_path);
	u->shadow = table_open(shadow);
	free(shadow);
	buf_init(&u->key, USERDB_NAME_MAX);
	buf_init(&u->part, 2 * USERDB_LINE_MAX);
	return u;
}

const char *userdb_base(const struct userdb *u)
{
	return u->text_path;
}

static void free_record(void *record)
{
	mem_wipe(record, strlen(record));
	free(record);
}

void userdb_close(struct userdb *u)
{
	if (!u)
		return;
	table_close(u->open);
	table_close(u->shadow);
	map_free(u->text, free_record);
	buf_free(&u->key);
	buf_free(&u->part);
	free(u->text_path);
	free(u->open_path);
	free(u);
}

static int remember(void *ctx, const struct userdb_entry *e)
{
	struct map *m = ctx;
	struct buf key;
	buf_init(&key, USERDB_NAME_MAX);
	userdb_key(e->name, &key);
	if (map_get(m, buf_str(&key)))
		log_warning(NULL, "%s:%u: '%.*s' has been there before; this line does not count",
		    e->file, e->line, STR_FMT(e->name));
	else if (!map_set(m, buf_str(&key), mem_strndup(e->record.p, e->record.n)))
		errno = ENOMEM;
	buf_free(&key);
	return 0;
}

/* 0: u->text is what the files say; -1: it can't be read. */
static int refresh_text(struct userdb *u)
{
	int64_t changed;
	uint64_t now = userdb_signature(u->text_path, &changed);
	if (u->text && now == u->signature)
		return 0;
	struct map *fresh = map_new();
	char *why = NULL;
	if (fresh && now != 0 && userdb_read(u->text_path, remember, fresh, &why) < 0) {
		/* what was known stays in force: a slip of the editor must not lock everybody out
		 */
		if (u->warned != now)
			log_error(
			    NULL, "%s%s", why, u->text ? "; the accounts read before stay" : "");
		u->warned = now;
		free(why);
		map_free(fresh, free_record);
		return u->text ? 0 : -1;
	}
	map_free(u->text, free_record);
	u->text = fresh;
	u->signature = now;
	return fresh ? 0 : -1;
}

static void say_when_newer(struct userdb *u)
{
	struct stat st;
	int64_t changed;
	uint64_t now = userdb_signature(u->text_path, &changed);
	if (now == u->warned || stat(u->open_path, &st) < 0)
		return;
	int64_t made = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
	if (now && changed > made)
		log_warning(NULL, "'%s' is newer than '%s', which counts; run makeuserdb",
		    u->text_path, u->open_path);
	u->warned = now;
}

static int broken(const struct userdb *u, const char *what)
{
	log_error(NULL, "cannot read %s of '%s': %m", what, u->open_path);
	return -1;
}

/* 1 found, 0 absent, -1 failed, -2 there are no tables */
static int from_tables(struct userdb *u, struct str key, struct buf *record)
{
	int r = table_get(u->open, key, record);
	if (r < 0)
		return errno == ENOENT ? -2 : broken(u, "the accounts");
	say_when_newer(u);
	if (r == 0)
		return 0;
	r = table_get(u->shadow, key, &u->part);
	if (r < 0 && errno != ENOENT)
		return broken(u, "the passwords");
	if (r == 1) {
		buf_addc(record, '|');
		buf_adds(record, buf_str(&u->part));
		mem_wipe(u->part.p, u->part.n);
		buf_clear(&u->part);
	}
	return 1;
}

int userdb_get(struct userdb *u, struct str name, struct buf *record)
{
	buf_clear(record);
	buf_clear(&u->key);
	if (!userdb_name_ok(name) || str_ends(name, STR("=")) || !userdb_key(name, &u->key))
		return 0;
	int r = from_tables(u, buf_str(&u->key), record);
	if (r != -2)
		return r;
	if (refresh_text(u) < 0)
		return -1;
	const char *found = map_get(u->text, buf_str(&u->key));
	if (!found)
		return 0;
	return buf_addz(record, found) ? 1 : -1;
}

struct each {
	int (*fn)(void *ctx, struct str name, struct str record);
	void *ctx;
};

static int pass_on(void *ctx, struct str key, struct str value)
{
	struct each *e = ctx;
	return str_ends(key, STR("=")) ? 0 : e->fn(e->ctx, key, value);
}

int userdb_each(
    struct userdb *u, int (*fn)(void *ctx, struct str name, struct str record), void *ctx)
{
	struct each e = {fn, ctx};
	int r = table_each(u->open, pass_on, &e);
	if (r != -1 || errno != ENOENT)
		return r;
	if (refresh_text(u) < 0)
		return -1;
	struct str key;
	void *record;
	for (size_t at = 0; map_next(u->text, &at, &key, &record);) {
		r = pass_on(&e, key, str_of(record));
		if (r != 0)
			return r;
	}
	return 0;
}
