/* Files of accounts in directories and databases, their statements, and rows: the first byte
 * chooses. */
#include "config.h"

#include "authdb/ldaprc.h"
#include "authdb/sql.h"
#include "fuzz.h"

static void files(struct str text, uint8_t which, struct arena *a)
{
	static const struct rc_file *const all[] = {
	    &authldaprc, &authmysqlrc, &authpgsqlrc, &authsqliterc};
	struct rc rc;
	struct rc_fault fault;
	int r = rc_parse(all[which % ARRAY_LEN(all)], text, a, &rc, &fault);
	FUZZ_CHECK((r < 0) == (fault.why != NULL));
	FUZZ_CHECK(rc.n_odd <= ARRAY_LEN(rc.odd));
}

/* A value is in no statement, and all of it in its parameters. */
static void statement(struct str text, enum clause_dialect d, struct arena *a)
{
	struct str values[CLAUSE_VARIABLES];
	const char *why = NULL, *z = arena_strz(a, text);
	struct clause *c = z ? clause_parse(d, z, (1 << CLAUSE_VARIABLES) - 1, a, &why) : NULL;
	FUZZ_CHECK(!z || c || why);
	if (!c)
		return;
	for (size_t i = 0; i < CLAUSE_VARIABLES; i++)
		values[i] = STR("\x01' OR \\");
	FUZZ_CHECK(str_find(str_of(c->sql), values[0]) < 0 || str_find(text, values[0]) >= 0);
	FUZZ_CHECK(c->n > 0 || strcmp(c->sql, z) == 0);
	for (unsigned i = 0; i < c->n; i++) {
		struct str v = clause_value(c, i, values, a);
		bool variable = false; /* a literal may have only one that is escaped */
		for (unsigned k = 0; k < c->param[i].n; k++)
			variable |= c->piece[c->param[i].first + k].variable >= 0;
		FUZZ_CHECK(!v.p || variable == (str_find(v, values[0]) >= 0) ||
			   str_find(text, values[0]) >= 0);
	}
}

static void row(struct str text, struct arena *a)
{
	struct authdb_job j = {.arena = a, .name = STR("n"), .service = STR("local")};
	struct str column[COLUMNS_MAX], one;
	unsigned n = 0;
	while (n < COLUMNS_MAX && str_split(&text, '\n', &one))
		column[n++] = one;
	if (!sql_row_account(column, n, &j))
		FUZZ_CHECK(j.a.home.n && j.a.name.n && !str_has_ctl(j.a.home));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = size ? arena_new(8 * 1024 * 1024) : NULL;
	if (!a)
		return 0;
	struct str text = str_at(data + 1, size - 1);
	struct ldap_option options[LDAPRC_OPTIONS_MAX];
	uint8_t kind = data[0] & 15;
	if (kind < 4)
		files(text, kind, a);
	else if (kind < 10)
		statement(text, (enum clause_dialect)(kind % 3), a);
	else if (kind < 13)
		row(text, a);
	else
		(void)ldaprc_options(arena_strz(a, text), a, options);
	arena_free(a);
	return 0;
}
