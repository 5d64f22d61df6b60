/*
 * What the three databases share: their settings, the statements these make, and accounts of rows.
 */
#ifndef COURIER_AUTHDB_SQL_H
#define COURIER_AUTHDB_SQL_H

#include "authdb/authdb.h"
#include "authdb/clause.h"

enum sql_value { /* indices into struct rc */
	SQL_USER_TABLE,
	SQL_CRYPT,
	SQL_CLEAR,
	SQL_DEFAULT_DOMAIN,
	SQL_UID,
	SQL_GID,
	SQL_LOGIN,
	SQL_HOME,
	SQL_NAME,
	SQL_MAILDIR,
	SQL_DELIVERY,
	SQL_QUOTA,
	SQL_OPTIONS,
	SQL_WHERE,
	SQL_SELECT,
	SQL_ENUMERATE,
	SQL_CHPASS,
	SQL_DATABASE,
	SQL_CHARACTER_SET,
	SQL_OWN, /* the database's own from here on */
	MYSQL_SERVER = SQL_OWN,
	MYSQL_USERNAME,
	MYSQL_PASSWORD,
	MYSQL_SOCKET_FILE,
	MYSQL_TCP_PORT,
	MYSQL_FLAGS,
	MYSQL_TLS_KEY,
	MYSQL_TLS_CERT,
	MYSQL_TLS_CACERT,
	MYSQL_TLS_CAPATH,
	MYSQL_TLS_CIPHERS,
	PGSQL_CONNECTION = SQL_OWN,
	PGSQL_HOST,
	PGSQL_PORT,
	PGSQL_USERNAME,
	PGSQL_PASSWORD,
	PGSQL_OPT,
};

extern const struct rc_file authmysqlrc, authpgsqlrc, authsqliterc;

/* columns of a lookup, in this order; those at the end may be missing */
enum sql_column {
	COL_USERNAME,
	COL_CRYPT,
	COL_CLEAR,
	COL_UID,
	COL_GID,
	COL_HOME, /* the last that must be there */
	COL_MAILDIR,
	COL_QUOTA,
	COL_FULLNAME,
	COL_OPTIONS,
	COL_DELIVERY, /* of statements that we make ourselves */
	COLUMNS_MAX,
};

struct sql_statements {
	const struct clause *lookup, *each, *change; /* change NULL: no password can be changed */
	const char *domain;                          /* DEFAULT_DOMAIN */
};

/* Pure.  0; -1: *why in the arena. */
int sql_statements(enum clause_dialect d, const char *const *values, struct arena *a,
    struct sql_statements *out, const char **why);

/* Pure.  NULL, or what is wrong with the row. */
const char *sql_row_account(const struct str *column, unsigned n, struct authdb_job *j);

/* ---- a database ------------------------------------------------------------------------------ */

enum sql_result {
	SQL_DONE,
	SQL_NO_SUCH,   /* a value can't stand in this database: nobody has it */
	SQL_FAULT,     /* the statement can't be carried out */
	SQL_GONE,      /* no connection, or no answer in time */
	SQL_CUT_SHORT, /* a row was not wanted */
};

enum { SQL_CONNECT_S = 5, SQL_ANSWER_S = 10 };

/* NULL columns are empty.  false: enough. */
typedef bool (*sql_row)(void *ctx, const struct str *column, unsigned n);

struct sql_driver {
	enum clause_dialect dialect;
	struct authdb_backend backend; /* prepare, open and run are sql_*'s */
	void *(*open)(const struct rc *rc);
	/* why: WORK_WHY_MAX bytes.  Connects when it must; a connection that has been idle and is
	 * gone is no reason to fail. */
	enum sql_result (*run)(void *state, const struct clause *c, const struct str *values,
	    sql_row row, void *ctx, uint64_t *changed, char *why);
};

int sql_main(const struct sql_driver *d, int argc, char **argv);

#endif
