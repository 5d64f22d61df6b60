/* The settings of authmysqlrc, authpgsqlrc and authsqliterc. */
#include "config.h"

#include "authdb/sql.h"

#define COMMON(prefix)                                                     \
	{.name = prefix "_DATABASE", .at = SQL_DATABASE},                  \
	    {.name = prefix "_USER_TABLE", .at = SQL_USER_TABLE},          \
	    {.name = prefix "_CRYPT_PWFIELD", .at = SQL_CRYPT},            \
	    {.name = prefix "_CLEAR_PWFIELD", .at = SQL_CLEAR},            \
	    {.name = "DEFAULT_DOMAIN", .at = SQL_DEFAULT_DOMAIN},          \
	    {.name = prefix "_UID_FIELD", .at = SQL_UID, .def = "uid"},    \
	    {.name = prefix "_GID_FIELD", .at = SQL_GID, .def = "gid"},    \
	    {.name = prefix "_LOGIN_FIELD", .at = SQL_LOGIN, .def = "id"}, \
	    {.name = prefix "_HOME_FIELD", .at = SQL_HOME, .def = "home"}, \
	    {.name = prefix "_NAME_FIELD", .at = SQL_NAME},                \
	    {.name = prefix "_MAILDIR_FIELD", .at = SQL_MAILDIR},          \
	    {.name = prefix "_DEFAULTDELIVERY", .at = SQL_DELIVERY},       \
	    {.name = prefix "_DEFAULTDELIVERY_FIELD", .at = SQL_DELIVERY}, \
	    {.name = prefix "_QUOTA_FIELD", .at = SQL_QUOTA},              \
	    {.name = prefix "_AUXOPTIONS_FIELD", .at = SQL_OPTIONS},       \
	    {.name = prefix "_AUXOPTIONS", .at = SQL_OPTIONS},             \
	    {.name = prefix "_WHERE_CLAUSE", .at = SQL_WHERE},             \
	    {.name = prefix "_SELECT_CLAUSE", .at = SQL_SELECT},           \
	    {.name = prefix "_ENUMERATE_CLAUSE", .at = SQL_ENUMERATE},     \
	{                                                                  \
		.name = prefix "_CHPASS_CLAUSE", .at = SQL_CHPASS          \
	}

static const char *judge_common(enum clause_dialect d, const char *const *v, struct arena *a)
{
	struct sql_statements s;
	const char *why;
	return sql_statements(d, v, a, &s, &why) < 0 ? why : NULL;
}

/* ---- MySQL and MariaDB ----------------------------------------------------------------------- */

static const char *judge_mysql(const char *const *v, struct arena *a)
{
	if (!*v[MYSQL_SERVER] && !*v[MYSQL_SOCKET_FILE])
		return "one of MYSQL_SERVER and MYSQL_SOCKET is needed";
	if (!*v[MYSQL_USERNAME])
		return "MYSQL_USERNAME is missing";
	if (!*v[SQL_DATABASE])
		return "MYSQL_DATABASE is missing";
	return judge_common(CLAUSE_MYSQL, v, a);
}

static const struct rc_setting mysql_settings[] = {COMMON("MYSQL"),
    {.name = "MYSQL_CHARACTER_SET", .at = SQL_CHARACTER_SET},
    {.name = "MYSQL_SERVER", .at = MYSQL_SERVER}, {.name = "MYSQL_USERNAME", .at = MYSQL_USERNAME},
    {.name = "MYSQL_PASSWORD", .at = MYSQL_PASSWORD},
    {.name = "MYSQL_SOCKET", .at = MYSQL_SOCKET_FILE},
    {.name = "MYSQL_PORT", .at = MYSQL_TCP_PORT, .type = RC_NUMBER, .max = 65535},
    {.name = "MYSQL_OPT", .at = MYSQL_FLAGS, .type = RC_NUMBER, .max = UINT32_MAX},
    {.name = "MYSQL_SSL_KEY", .at = MYSQL_TLS_KEY},
    {.name = "MYSQL_SSL_CERT", .at = MYSQL_TLS_CERT},
    {.name = "MYSQL_SSL_CACERT", .at = MYSQL_TLS_CACERT},
    {.name = "MYSQL_SSL_CAPATH", .at = MYSQL_TLS_CAPATH},
    {.name = "MYSQL_SSL_CIPHERS", .at = MYSQL_TLS_CIPHERS},
    {.name = "MYSQL_SSL_CIPHER", .at = MYSQL_TLS_CIPHERS}};
const struct rc_file authmysqlrc = {
    "authmysqlrc", mysql_settings, ARRAY_LEN(mysql_settings), judge_mysql};

/* ---- PostgreSQL ------------------------------------------------------------------------------ */

static const char *judge_pgsql(const char *const *v, struct arena *a)
{
	if (!*v[SQL_DATABASE] && !*v[PGSQL_CONNECTION])
		return "PGSQL_DATABASE is missing";
	return judge_common(CLAUSE_PGSQL, v, a);
}

static const struct rc_setting pgsql_settings[] = {COMMON("PGSQL"),
    {.name = "PGSQL_CHARACTER_SET", .at = SQL_CHARACTER_SET},
    {.name = "PGSQL_CONNECTION", .at = PGSQL_CONNECTION}, {.name = "PGSQL_HOST", .at = PGSQL_HOST},
    {.name = "PGSQL_PORT", .at = PGSQL_PORT, .type = RC_NUMBER, .max = 65535},
    {.name = "PGSQL_USERNAME", .at = PGSQL_USERNAME},
    {.name = "PGSQL_PASSWORD", .at = PGSQL_PASSWORD}, {.name = "PGSQL_OPT", .at = PGSQL_OPT}};
const struct rc_file authpgsqlrc = {
    "authpgsqlrc", pgsql_settings, ARRAY_LEN(pgsql_settings), judge_pgsql};

/* ---- SQLite ---------------------------------------------------------------------------------- */

static const char *judge_sqlite(const char *const *v, struct arena *a)
{
	if (*v[SQL_DATABASE] != '/')
		return "SQLITE_DATABASE is the whole path of a file";
	return judge_common(CLAUSE_SQLITE, v, a);
}

static const struct rc_setting sqlite_settings[] = {COMMON("SQLITE")};
const struct rc_file authsqliterc = {
    "authsqliterc", sqlite_settings, ARRAY_LEN(sqlite_settings), judge_sqlite};
