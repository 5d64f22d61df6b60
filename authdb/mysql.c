/* courierauthmysql: accounts in MySQL or MariaDB. */
#include "config.h"

#include "authdb/sql.h"

#include <mysql.h>
#include <mysqld_error.h>
#include <errmsg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIELDS_MAX = 64, CELL = AUTHDB_VALUE_MAX + 1 };

struct database {
	const struct rc *rc;
	MYSQL *c; /* NULL: not connected */
	char cell[COLUMNS_MAX][CELL];
};

static void *open_database(const struct rc *rc)
{
	struct database *d = mem_new(struct database);
	d->rc = rc;
	return d;
}

static void hang_up(struct database *d)
{
	if (d->c)
		mysql_close(d->c);
	d->c = NULL;
}

/* ---- the connection -------------------------------------------------------------------------- */

static const char *value(const struct database *d, enum sql_value i)
{
	return *d->rc->values[i] ? d->rc->values[i] : NULL;
}

/* Whoever names an authority wants to know who is at the other end; whoever sets anything of TLS
 * does not want to talk in clear. */
static void set_tls(struct database *d)
{
	const char *ca = value(d, MYSQL_TLS_CACERT), *path = value(d, MYSQL_TLS_CAPATH);
	const char *key = value(d, MYSQL_TLS_KEY), *cert = value(d, MYSQL_TLS_CERT);
	const char *ciphers = value(d, MYSQL_TLS_CIPHERS);
	my_bool yes = 1, proof = ca || path;
	if (!ca && !path && !key && !cert && !ciphers)
		return;
	mysql_ssl_set(d->c, key, cert, ca, path, ciphers);
	mysql_options(d->c, MYSQL_OPT_SSL_ENFORCE, &yes);
	mysql_options(d->c, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &proof);
}

static void set_options(struct database *d)
{
	unsigned connect_s = SQL_CONNECT_S, answer_s = SQL_ANSWER_S, none = 0;
	const char *charset = value(d, SQL_CHARACTER_SET);
	mysql_options(d->c, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
	mysql_options(d->c, MYSQL_OPT_READ_TIMEOUT, &answer_s);
	mysql_options(d->c, MYSQL_OPT_WRITE_TIMEOUT, &answer_s);
	mysql_options(d->c, MYSQL_OPT_LOCAL_INFILE, &none);
	mysql_options(d->c, MYSQL_SET_CHARSET_NAME, charset ? charset : "utf8mb4");
	set_tls(d);
}

static enum sql_result call(struct database *d, char *why)
{
	const struct rc *rc = d->rc;
	unsigned long flags = (unsigned long)rc_number(rc, MYSQL_FLAGS) | CLIENT_FOUND_ROWS;
	d->c = mysql_init(NULL);
	if (!d->c) {
		snprintf(why, WORK_WHY_MAX, "out of memory");
		return SQL_GONE;
	}
	set_options(d);
	if (mysql_real_connect(d->c, value(d, MYSQL_SERVER), value(d, MYSQL_USERNAME),
		rc->values[MYSQL_PASSWORD], rc->values[SQL_DATABASE],
		(unsigned)rc_number(rc, MYSQL_TCP_PORT), value(d, MYSQL_SOCKET_FILE), flags))
		return SQL_DONE;
	snprintf(why, WORK_WHY_MAX, "%s", mysql_error(d->c));
	hang_up(d);
	return SQL_GONE;
}

/* ---- statements ------------------------------------------------------------------------------ */

/* Numbers from 2000 on are the library's own: it has lost the server, or waited too long. */
static enum sql_result judge(unsigned code)
{
	switch (code) {
	case ER_SERVER_SHUTDOWN:
	case ER_CON_COUNT_ERROR:
	case ER_NORMAL_SHUTDOWN:
	case ER_LOCK_WAIT_TIMEOUT:
	case ER_LOCK_DEADLOCK:
	case ER_QUERY_INTERRUPTED:
	case ER_CONNECTION_KILLED:
		return SQL_GONE;
	case ER_TRUNCATED_WRONG_VALUE_FOR_FIELD:
	case ER_INVALID_CHARACTER_STRING:
		return SQL_NO_SUCH;
	default:
		return code >= CR_MIN_ERROR && code <= CR_MAX_ERROR ? SQL_GONE : SQL_FAULT;
	}
}

static enum sql_result failed(MYSQL_STMT *s, char *why)
{
	snprintf(why, WORK_WHY_MAX, "%s", mysql_stmt_error(s));
	return judge(mysql_stmt_errno(s));
}

static int bind_values(MYSQL_STMT *s, const struct clause *c, const struct str *values)
{
	MYSQL_BIND b[CLAUSE_PARAMS_MAX] = {{0}};
	unsigned long length[CLAUSE_PARAMS_MAX];
	if (mysql_stmt_param_count(s) != c->n)
		return -1;
	for (unsigned i = 0; i < c->n; i++) {
		length[i] = values[i].n;
		b[i].buffer_type = MYSQL_TYPE_STRING;
		b[i].buffer = (void *)(uintptr_t)values[i].p;
		b[i].buffer_length = length[i];
		b[i].length = &length[i];
	}
	return c->n && mysql_stmt_bind_param(s, b) ? -1 : mysql_stmt_execute(s);
}

static enum sql_result fetch(struct database *d, MYSQL_STMT *s, sql_row row, void *ctx, char *why)
{
	MYSQL_BIND b[FIELDS_MAX] = {{0}};
	unsigned long length[FIELDS_MAX];
	my_bool null[FIELDS_MAX], cut[FIELDS_MAX];
	struct str column[COLUMNS_MAX];
	unsigned n = mysql_stmt_field_count(s), shown = n < COLUMNS_MAX ? n : COLUMNS_MAX;
	int r;
	if (n > FIELDS_MAX) {
		snprintf(why, WORK_WHY_MAX, "the statement returns too many columns");
		return SQL_FAULT;
	}
	for (unsigned i = 0; i < n; i++) {
		b[i].buffer_type = MYSQL_TYPE_STRING;
		b[i].buffer = d->cell[i < shown ? i : 0];
		b[i].buffer_length = i < shown ? CELL : 0;
		b[i].length = &length[i];
		b[i].is_null = &null[i];
		b[i].error = &cut[i];
	}
	if (mysql_stmt_bind_result(s, b))
		return failed(s, why);
	while ((r = mysql_stmt_fetch(s)) == 0 || r == MYSQL_DATA_TRUNCATED) {
		for (unsigned i = 0; i < shown; i++)
			column[i] =
			    null[i] ? STR_NONE : str_head(str_at(d->cell[i], length[i]), CELL);
		if (!row(ctx, column, shown))
			return SQL_CUT_SHORT;
	}
	return r == MYSQL_NO_DATA ? SQL_DONE : failed(s, why);
}

static enum sql_result run_once(struct database *d, const struct clause *c,
    const struct str *values, sql_row row, void *ctx, uint64_t *changed, char *why)
{
	MYSQL_STMT *s = mysql_stmt_init(d->c);
	enum sql_result r = SQL_DONE;
	if (!s)
		return SQL_GONE;
	if (mysql_stmt_prepare(s, c->sql, strlen(c->sql)) || bind_values(s, c, values))
		r = failed(s, why);
	else if (mysql_stmt_field_count(s) && row)
		r = fetch(d, s, row, ctx, why);
	else
		*changed = mysql_stmt_affected_rows(s);
	mysql_stmt_close(s);
	return r;
}

static enum sql_result run(void *state, const struct clause *c, const struct str *values,
    sql_row row, void *ctx, uint64_t *changed, char *why)
{
	struct database *d = state;
	bool fresh = !d->c;
	enum sql_result r = fresh ? call(d, why) : SQL_DONE;
	if (r != SQL_DONE)
		return r;
	r = run_once(d, c, values, row, ctx, changed, why);
	if (r != SQL_GONE)
		return r;
	hang_up(d);
	if (fresh || call(d, why) != SQL_DONE)
		return SQL_GONE;
	r = run_once(d, c, values, row, ctx, changed, why);
	if (r == SQL_GONE)
		hang_up(d);
	return r;
}

static void files(const struct rc *rc, struct authdb_shut *s)
{
	static const enum sql_value named[] = {
	    MYSQL_TLS_KEY, MYSQL_TLS_CERT, MYSQL_TLS_CACERT, MYSQL_TLS_CAPATH};
	for (size_t i = 0; i < ARRAY_LEN(named); i++)
		authdb_reads(s, rc->values[named[i]]);
}

int main(int argc, char **argv)
{
	static const struct sql_driver driver = {
	    .dialect = CLAUSE_MYSQL,
	    .backend = {.role = "authmysql",
		.what = "the MySQL server of accounts",
		.file = &authmysqlrc,
		.files = files},
	    .open = open_database,
	    .run = run,
	};
	if (mysql_library_init(0, NULL, NULL))
		return EXIT_FAILURE;
	return sql_main(&driver, argc, argv);
}
