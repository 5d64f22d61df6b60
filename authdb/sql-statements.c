#include "config.h"

#include "authdb/sql.h"

enum { OF_LOGIN = 1 << CLAUSE_LOGIN, OF_NAME = 1 << CLAUSE_LOCAL_PART | 1 << CLAUSE_DOMAIN };

static const char *no_memory(void)
{
	return "the statement is too large";
}

static const struct clause *parse(enum clause_dialect d, const char *setting, const char *text,
    unsigned allowed, struct arena *a, const char **why)
{
	const struct clause *c = text ? clause_parse(d, text, allowed, a, why) : NULL;
	if (c)
		return c;
	if (text && *why)
		*why = arena_printf(a, "%s: %s", setting, *why);
	if (!text || !*why)
		*why = no_memory();
	return NULL;
}

static const char *or_empty(const char *field)
{
	return *field ? field : "''";
}

/* " AND (...)" and the like; nothing for nothing */
static const char *condition(const char *before, const char *where, struct arena *a)
{
	return *where ? arena_printf(a, " %s (%s)", before, where) : "";
}

static const char *select_text(const char *const *v, struct arena *a)
{
	const char *more = condition("AND", v[SQL_WHERE], a);
	if (!more)
		return NULL;
	return arena_printf(a,
	    "SELECT %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s FROM %s WHERE %s = $(login)%s",
	    v[SQL_LOGIN], or_empty(v[SQL_CRYPT]), or_empty(v[SQL_CLEAR]), v[SQL_UID], v[SQL_GID],
	    v[SQL_HOME], or_empty(v[SQL_MAILDIR]), or_empty(v[SQL_QUOTA]), or_empty(v[SQL_NAME]),
	    or_empty(v[SQL_OPTIONS]), or_empty(v[SQL_DELIVERY]), v[SQL_USER_TABLE], v[SQL_LOGIN],
	    more);
}

static const char *enumerate_text(const char *const *v, struct arena *a)
{
	const char *more = condition("WHERE", v[SQL_WHERE], a);
	if (!more)
		return NULL;
	return arena_printf(a, "SELECT %s, %s, %s, %s, %s, %s FROM %s%s", v[SQL_LOGIN], v[SQL_UID],
	    v[SQL_GID], v[SQL_HOME], or_empty(v[SQL_MAILDIR]), or_empty(v[SQL_OPTIONS]),
	    v[SQL_USER_TABLE], more);
}

static const char *update_text(const char *const *v, struct arena *a)
{
	const char *more = condition("AND", v[SQL_WHERE], a);
	bool crypt = *v[SQL_CRYPT], clear = *v[SQL_CLEAR];
	if (!more)
		return NULL;
	return arena_printf(a, "UPDATE %s SET %s%s%s%s%s WHERE %s = $(login)%s", v[SQL_USER_TABLE],
	    v[SQL_CRYPT], crypt ? " = $(newpass_crypt)" : "", crypt && clear ? ", " : "",
	    v[SQL_CLEAR], clear ? " = $(newpass)" : "", v[SQL_LOGIN], more);
}

int sql_statements(enum clause_dialect d, const char *const *v, struct arena *a,
    struct sql_statements *out, const char **why)
{
	const unsigned fresh = 1 << CLAUSE_NEWPASS | 1 << CLAUSE_NEWPASS_CRYPT;
	const unsigned asked = OF_NAME | 1 << CLAUSE_SERVICE;
	bool own = *v[SQL_SELECT];
	*out = (struct sql_statements){.domain = v[SQL_DEFAULT_DOMAIN]};
	if (!own && !*v[SQL_USER_TABLE]) {
		*why = "the name of the table (_USER_TABLE) is missing";
		return -1;
	}
	if (!own && !*v[SQL_CRYPT] && !*v[SQL_CLEAR]) {
		*why = "one of _CRYPT_PWFIELD and _CLEAR_PWFIELD is needed";
		return -1;
	}
	out->lookup = own ? parse(d, "_SELECT_CLAUSE", v[SQL_SELECT], asked, a, why)
			  : parse(d, "the fields", select_text(v, a), OF_LOGIN, a, why);
	if (!out->lookup)
		return -1;
	if (*v[SQL_ENUMERATE])
		out->each = parse(d, "_ENUMERATE_CLAUSE", v[SQL_ENUMERATE], asked, a, why);
	else if (*v[SQL_USER_TABLE])
		out->each = parse(d, "the fields", enumerate_text(v, a), 0, a, why);
	if (!out->each && (*v[SQL_ENUMERATE] || *v[SQL_USER_TABLE]))
		return -1;
	if (*v[SQL_CHPASS])
		out->change = parse(d, "_CHPASS_CLAUSE", v[SQL_CHPASS], asked | fresh, a, why);
	else if (!own)
		out->change = parse(d, "the fields", update_text(v, a), OF_LOGIN | fresh, a, why);
	return out->change || (own && !*v[SQL_CHPASS]) ? 0 : -1;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static struct str column_of(const struct str *column, unsigned n, enum sql_column i)
{
	return (unsigned)i < n ? column[i] : STR_NONE;
}

static const char *copy_all(
    const struct str *column, unsigned n, struct authdb_job *j, struct str *delivery)
{
	const struct {
		enum sql_column from;
		struct str *to;
	} texts[] = {{COL_USERNAME, &j->a.name}, {COL_CRYPT, &j->stored}, {COL_CLEAR, &j->clear},
	    {COL_HOME, &j->a.home}, {COL_MAILDIR, &j->a.maildir}, {COL_QUOTA, &j->a.quota},
	    {COL_FULLNAME, &j->a.fullname}, {COL_OPTIONS, &j->a.options}, {COL_DELIVERY, delivery}};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct str v = column_of(column, n, texts[i].from);
		if (v.n > AUTHDB_VALUE_MAX)
			return "a value is too long";
		if (str_has_ctl(v))
			return "a control character in a value";
		*texts[i].to = v.n ? arena_str(j->arena, v) : STR_NONE;
		if (v.n && !texts[i].to->p)
			return "too large";
	}
	return NULL;
}

const char *sql_row_account(const struct str *column, unsigned n, struct authdb_job *j)
{
	if (n <= COL_HOME)
		return "the statement returns too few columns";
	struct str delivery = STR_NONE;
	const char *why = copy_all(column, n, j, &delivery);
	if (why)
		return why;
	if (authdb_is_instruction(j->a.maildir) && str_is(j->service, "local")) {
		delivery = j->a.maildir;
		j->a.maildir = STR_NONE;
	}
	if (delivery.n && (why = authdb_deliver_by(j, delivery)))
		return why;
	if (!j->a.name.n)
		j->a.name = j->name;
	if (!authdb_id(column[COL_UID], &j->a.uid))
		return "no number for a uid";
	if (!authdb_id(column[COL_GID], &j->a.gid))
		return "no number for a gid";
	return j->a.home.n ? NULL : "no home directory";
}
