/* courierauthpgsql: accounts in PostgreSQL.  The library is used without blocking, so that every
 * answer has its time. */
#include "config.h"

#include "authdb/sql.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct database {
	const struct rc *rc;
	PGconn *c; /* NULL: not connected */
};

static void *open_database(const struct rc *rc)
{
	struct database *d = mem_new(struct database);
	d->rc = rc;
	return d;
}

static void hang_up(struct database *d)
{
	PQfinish(d->c);
	d->c = NULL;
}

static enum sql_result gone(struct database *d, const char *text, char *why)
{
	struct str first = str_of(text), line = STR_NONE;
	str_split(&first, '\n', &line);
	snprintf(why, WORK_WHY_MAX, "%.*s", STR_FMT(line));
	hang_up(d);
	return SQL_GONE;
}

/* False: the time is over. */
static bool wait_for(PGconn *c, short what, int64_t until_ms)
{
	for (;;) {
		struct pollfd p = {.fd = PQsocket(c), .events = what};
		int64_t left = until_ms - clock_mono_ms();
		if (left <= 0 || p.fd < 0)
			return false;
		int r = poll(&p, 1, (int)left);
		if (r > 0)
			return true;
		if (r < 0 && errno != EINTR)
			return false;
	}
}

static PGconn *begin(const struct rc *rc)
{
	static const struct {
		const char *keyword;
		enum sql_value from;
	} all[] = {{"dbname", PGSQL_CONNECTION}, {"dbname", SQL_DATABASE}, {"host", PGSQL_HOST},
	    {"port", PGSQL_PORT}, {"user", PGSQL_USERNAME}, {"password", PGSQL_PASSWORD},
	    {"options", PGSQL_OPT}, {"client_encoding", SQL_CHARACTER_SET}};
	const char *keyword[ARRAY_LEN(all) + 2] = {NULL}, *value[ARRAY_LEN(all) + 2] = {NULL};
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (*rc->values[all[i].from]) {
			keyword[n] = all[i].keyword;
			value[n++] = rc->values[all[i].from];
		}
	keyword[n] = "fallback_application_name";
	value[n] = "courierauthpgsql";
	return PQconnectStartParams(keyword, value, *rc->values[PGSQL_CONNECTION] != 0);
}

static enum sql_result call(struct database *d, char *why)
{
	int64_t until = clock_mono_ms() + SQL_CONNECT_S * 1000;
	PostgresPollingStatusType p = PGRES_POLLING_WRITING;
	d->c = begin(d->rc);
	if (!d->c || PQstatus(d->c) == CONNECTION_BAD)
		return gone(d, d->c ? PQerrorMessage(d->c) : "out of memory", why);
	while (p != PGRES_POLLING_OK) {
		if (!wait_for(d->c, p == PGRES_POLLING_READING ? POLLIN : POLLOUT, until))
			return gone(d, "no connection within its time", why);
		p = PQconnectPoll(d->c);
		if (p == PGRES_POLLING_FAILED)
			return gone(d, PQerrorMessage(d->c), why);
	}
	return PQsetnonblocking(d->c, 1) ? gone(d, PQerrorMessage(d->c), why) : SQL_DONE;
}

/* ---- statements ------------------------------------------------------------------------------ */

static enum sql_result judge(struct database *d, const PGresult *r, char *why)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	struct str code = str_of(state);
	if (PQstatus(d->c) == CONNECTION_BAD || str_starts(code, STR("08")) ||
	    str_starts(code, STR("57")) || str_starts(code, STR("53")))
		return gone(d, PQresultErrorMessage(r), why);
	struct str text = str_of(PQresultErrorMessage(r)), line = STR_NONE;
	str_split(&text, '\n', &line);
	snprintf(why, WORK_WHY_MAX, "%.*s", STR_FMT(line));
	/* class 22: data that can't be: not of this encoding, no number */
	return str_starts(code, STR("22")) ? SQL_NO_SUCH : SQL_FAULT;
}

static bool show(const PGresult *r, int at, sql_row row, void *ctx)
{
	struct str column[COLUMNS_MAX];
	int n = PQnfields(r) < COLUMNS_MAX ? PQnfields(r) : COLUMNS_MAX;
	for (int i = 0; i < n; i++)
		column[i] = PQgetisnull(r, at, i)
				? STR_NONE
				: str_at(PQgetvalue(r, at, i), (size_t)PQgetlength(r, at, i));
	return row(ctx, column, (unsigned)n);
}

static enum sql_result take(
    struct database *d, const PGresult *r, sql_row row, void *ctx, uint64_t *changed, char *why)
{
	switch (PQresultStatus(r)) {
	case PGRES_COMMAND_OK:
		(void)str_u64(str_of(PQcmdTuples((PGresult *)(uintptr_t)r)), changed);
		return SQL_DONE;
	case PGRES_SINGLE_TUPLE:
	case PGRES_TUPLES_OK:
		for (int i = 0; row && i < PQntuples(r); i++)
			if (!show(r, i, row, ctx))
				return SQL_CUT_SHORT;
		if (!row) /* a function that changes, perhaps */
			*changed = (uint64_t)PQntuples(r);
		return SQL_DONE;
	default:
		return judge(d, r, why);
	}
}

static bool send_off(struct database *d, int64_t until)
{
	int left;
	while ((left = PQflush(d->c)) > 0)
		if (!wait_for(d->c, POLLIN | POLLOUT, until) || !PQconsumeInput(d->c))
			return false;
	return left == 0;
}

static enum sql_result run_once(struct database *d, const struct clause *c,
    const struct str *values, sql_row row, void *ctx, uint64_t *changed, char *why)
{
	const char *v[CLAUSE_PARAMS_MAX];
	int64_t until = clock_mono_ms() + SQL_ANSWER_S * 1000;
	enum sql_result result = SQL_DONE;
	for (unsigned i = 0; i < c->n; i++)
		v[i] = values[i].p;
	if (!PQsendQueryParams(d->c, c->sql, (int)c->n, NULL, v, NULL, NULL, 0) ||
	    !PQsetSingleRowMode(d->c) || !send_off(d, until))
		return gone(d, PQerrorMessage(d->c), why);
	for (;;) {
		while (PQisBusy(d->c)) {
			if (!wait_for(d->c, POLLIN, until))
				return gone(d, "no answer within its time", why);
			if (!PQconsumeInput(d->c))
				return gone(d, PQerrorMessage(d->c), why);
		}
		PGresult *r = PQgetResult(d->c);
		if (!r)
			return result;
		enum sql_result one = take(d, r, row, ctx, changed, why);
		PQclear(r);
		if (one == SQL_GONE)
			return one;
		if (one == SQL_CUT_SHORT) {
			hang_up(d); /* the rest is not waited for */
			return one;
		}
		result = one == SQL_DONE ? result : one;
	}
}

static enum sql_result run(void *state, const struct clause *c, const struct str *values,
    sql_row row, void *ctx, uint64_t *changed, char *why)
{
	struct database *d = state;
	bool fresh = !d->c;
	enum sql_result r = fresh ? call(d, why) : SQL_DONE;
	if (r == SQL_DONE)
		r = run_once(d, c, values, row, ctx, changed, why);
	if (r == SQL_GONE && !fresh && (r = call(d, why)) == SQL_DONE)
		r = run_once(d, c, values, row, ctx, changed, why);
	return r;
}

static void files_of(const PQconninfoOption *o, struct authdb_shut *s)
{
	static const char *const named[] = {
	    "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslcrldir", "passfile"};
	for (; o && o->keyword; o++)
		for (size_t i = 0; i < ARRAY_LEN(named); i++)
			if (strcmp(o->keyword, named[i]) == 0)
				authdb_reads(s, o->val);
}

/* Named by PGSQL_CONNECTION, or where the library looks by itself. */
static void files(const struct rc *rc, struct authdb_shut *s)
{
	static const char *const at_home[] = {".postgresql", ".pgpass", ".pg_service.conf"};
	PQconninfoOption *own = PQconninfoParse(rc->values[PGSQL_CONNECTION], NULL);
	PQconninfoOption *usual = PQconndefaults();
	const struct passwd *pw = getpwuid(geteuid());
	files_of(own, s);
	files_of(usual, s);
	PQconninfoFree(own);
	PQconninfoFree(usual);
	for (size_t i = 0; pw && i < ARRAY_LEN(at_home); i++) {
		char *path = mem_printf("%s/%s", pw->pw_dir, at_home[i]);
		authdb_reads(s, path);
		free(path);
	}
}

int main(int argc, char **argv)
{
	static const struct sql_driver driver = {
	    .dialect = CLAUSE_PGSQL,
	    .backend = {.role = "authpgsql",
		.what = "the PostgreSQL server of accounts",
		.file = &authpgsqlrc,
		.files = files},
	    .open = open_database,
	    .run = run,
	};
	return sql_main(&driver, argc, argv);
}
