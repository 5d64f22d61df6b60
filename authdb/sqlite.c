/* courierauthsqlite: accounts in a file of SQLite. */
#include "config.h"

#include "authdb/sql.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { LOCKED_MS = 3000, STEPS = 2000 };

struct database {
	const struct rc *rc;
	sqlite3 *c;
	struct stat file; /* that was opened: another one may be put in its place */
	int64_t until_ms;
};

static void *open_database(const struct rc *rc)
{
	struct database *d = mem_new(struct database);
	d->rc = rc;
	return d;
}

static void hang_up(struct database *d)
{
	sqlite3_close_v2(d->c);
	d->c = NULL;
}

static enum sql_result gone(struct database *d, const char *reason, char *why)
{
	snprintf(why, WORK_WHY_MAX, "'%s': %s", d->rc->values[SQL_DATABASE], reason);
	hang_up(d);
	return SQL_GONE;
}

static int out_of_time(void *ctx)
{
	struct database *d = ctx;
	return clock_mono_ms() > d->until_ms;
}

/* Never makes a file: a path that is wrong shall not look like a database without accounts. */
static enum sql_result call(struct database *d, char *why)
{
	const char *path = d->rc->values[SQL_DATABASE];
	struct stat st;
	if (stat(path, &st) < 0)
		return gone(d, strerror(errno), why);
	if (d->c && st.st_dev == d->file.st_dev && st.st_ino == d->file.st_ino)
		return SQL_DONE;
	hang_up(d);
	d->file = st;
	if (sqlite3_open_v2(path, &d->c, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK)
		return gone(d, d->c ? sqlite3_errmsg(d->c) : "out of memory", why);
	/* no files elsewhere */
	sqlite3_exec(d->c, "PRAGMA temp_store = MEMORY", NULL, NULL, NULL);
	sqlite3_busy_timeout(d->c, LOCKED_MS);
	sqlite3_progress_handler(d->c, STEPS, out_of_time, d);
	return SQL_DONE;
}

static enum sql_result failed(struct database *d, char *why)
{
	int code = sqlite3_errcode(d->c) & 0xff;
	if (code != SQLITE_ERROR && code != SQLITE_MISMATCH && code != SQLITE_CONSTRAINT &&
	    code != SQLITE_TOOBIG && code != SQLITE_RANGE && code != SQLITE_READONLY)
		return gone(d, sqlite3_errmsg(d->c), why);
	snprintf(why, WORK_WHY_MAX, "%s", sqlite3_errmsg(d->c));
	return SQL_FAULT;
}

static bool show(sqlite3_stmt *s, sql_row row, void *ctx)
{
	struct str column[COLUMNS_MAX];
	int all = sqlite3_column_count(s), n = all < COLUMNS_MAX ? all : COLUMNS_MAX;
	for (int i = 0; i < n; i++) {
		const void *text = sqlite3_column_text(s, i);
		column[i] = str_at(text, text ? (size_t)sqlite3_column_bytes(s, i) : 0);
	}
	return row(ctx, column, (unsigned)n);
}

static enum sql_result step(
    struct database *d, sqlite3_stmt *s, sql_row row, void *ctx, uint64_t *changed, char *why)
{
	int r;
	while ((r = sqlite3_step(s)) == SQLITE_ROW)
		if (row && !show(s, row, ctx))
			return SQL_CUT_SHORT;
	*changed = (uint64_t)sqlite3_changes(d->c);
	return r == SQLITE_DONE ? SQL_DONE : failed(d, why);
}

static enum sql_result run(void *state, const struct clause *c, const struct str *values,
    sql_row row, void *ctx, uint64_t *changed, char *why)
{
	struct database *d = state;
	sqlite3_stmt *s = NULL;
	enum sql_result r = call(d, why);
	if (r != SQL_DONE)
		return r;
	d->until_ms = clock_mono_ms() + SQL_ANSWER_S * 1000;
	if (sqlite3_prepare_v2(d->c, c->sql, -1, &s, NULL) != SQLITE_OK)
		return failed(d, why);
	bool bound = s && sqlite3_bind_parameter_count(s) == (int)c->n;
	for (unsigned i = 0; bound && i < c->n; i++)
		bound = sqlite3_bind_text(s, (int)i + 1, values[i].p, (int)values[i].n,
			    SQLITE_STATIC) == SQLITE_OK;
	if (bound) {
		r = step(d, s, row, ctx, changed, why);
	} else {
		snprintf(why, WORK_WHY_MAX, "the parameters of the statement do not fit");
		r = SQL_FAULT;
	}
	sqlite3_finalize(s);
	if (r == SQL_GONE)
		hang_up(d);
	return r;
}

static void files(const struct rc *rc, struct authdb_shut *s)
{
	authdb_changes(s, rc->values[SQL_DATABASE]);
}

int main(int argc, char **argv)
{
	static const struct sql_driver driver = {
	    .dialect = CLAUSE_SQLITE,
	    .backend = {.role = "authsqlite",
		.what = "the SQLite file of accounts",
		.file = &authsqliterc,
		.files = files},
	    .open = open_database,
	    .run = run,
	};
	return sql_main(&driver, argc, argv);
}
