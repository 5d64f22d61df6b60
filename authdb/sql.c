/* Questions -> statements -> answers, for all three databases. */
#include "config.h"

#include "authdb/sql.h"

#include <stdlib.h>

struct shared {
	const struct rc *rc;
	struct sql_statements statements;
};

struct state { /* of a thread */
	const struct shared *shared;
	void *database;
};

static const struct sql_driver *driver; /* a program has one */

static void *prepare(const struct rc *rc, struct arena *a, const char **why)
{
	struct shared *s = arena_new_of(a, struct shared);
	if (!s) {
		*why = "out of memory";
		return NULL;
	}
	s->rc = rc;
	if (sql_statements(driver->dialect, rc->values, a, &s->statements, why) < 0)
		return NULL;
	return s;
}

static void *open_state(void *prepared)
{
	struct state *s = mem_new(struct state);
	s->shared = prepared;
	s->database = driver->open(s->shared->rc);
	return s;
}

/* ---- one statement --------------------------------------------------------------------------- */

static void split_name(const struct sql_statements *st, struct authdb_job *j, struct str *values)
{
	ptrdiff_t at = str_rchr(j->name, '@');
	values[CLAUSE_LOGIN] = authdb_full_name(j->name, st->domain, j->arena);
	values[CLAUSE_LOCAL_PART] = at < 0 ? j->name : str_head(j->name, (size_t)at);
	values[CLAUSE_DOMAIN] = at < 0 ? STR_NONE : str_skip(j->name, (size_t)at + 1);
	if (!values[CLAUSE_DOMAIN].n)
		values[CLAUSE_DOMAIN] = str_of(st->domain);
	/* the statements of other systems know deliveries by this name */
	values[CLAUSE_SERVICE] = str_is(j->service, "local") ? STR("courier") : j->service;
	values[CLAUSE_NEWPASS] = j->fresh;
	values[CLAUSE_NEWPASS_CRYPT] = j->made;
}

/* True when it could be carried out; otherwise the job has its verdict. */
static bool carry_out(
    struct state *s, const struct clause *c, struct authdb_job *j, sql_row row, uint64_t *changed)
{
	struct str named[CLAUSE_VARIABLES] = {{0}}, values[CLAUSE_PARAMS_MAX];
	char why[WORK_WHY_MAX] = "";
	split_name(&s->shared->statements, j, named);
	for (unsigned i = 0; i < c->n; i++)
		if (!(values[i] = clause_value(c, i, named, j->arena)).p) {
			authdb_fail(j, "the question about an account is too large");
			return false;
		}
	switch (driver->run(s->database, c, values, row, j, changed, why)) {
	case SQL_DONE:
		return true;
	case SQL_CUT_SHORT: /* whoever cut it has said so */
		break;
	case SQL_NO_SUCH:
		j->verdict = AUTHDB_NO;
		break;
	case SQL_FAULT:
		authdb_fail(j, "%s: %s", driver->backend.what, why);
		break;
	case SQL_GONE:
		authdb_down(j, "%s", why);
		break;
	}
	return false;
}

/* ---- questions ------------------------------------------------------------------------------- */

static bool same_account(const struct authdb_job *a, const struct authdb_job *b)
{
	return a->a.uid == b->a.uid && a->a.gid == b->a.gid && str_eq(a->a.name, b->a.name) &&
	       str_eq(a->a.home, b->a.home) && str_eq(a->a.maildir, b->a.maildir) &&
	       str_eq(a->a.quota, b->a.quota) && str_eq(a->a.options, b->a.options) &&
	       str_eq(a->stored, b->stored) && str_eq(a->clear, b->clear);
}

/* A join may give the same account twice; two that differ are nobody's. */
static bool lookup_row(void *ctx, const struct str *column, unsigned n)
{
	struct authdb_job *j = ctx;
	struct authdb_job other = {.arena = j->arena, .service = j->service, .name = j->name};
	struct authdb_job *to = j->verdict == AUTHDB_YES ? &other : j;
	const char *why = sql_row_account(column, n, to);
	if (!why && to == &other && !same_account(j, &other))
		why = "more than one row";
	if (why)
		authdb_fail(
		    j, "%s: account '%.*s': %s", driver->backend.what, STR_FMT(j->name), why);
	else
		j->verdict = AUTHDB_YES;
	return !why;
}

static bool each_row(void *ctx, const struct str *column, unsigned n)
{
	static const enum sql_column order[] = {
	    COL_USERNAME, COL_UID, COL_GID, COL_HOME, COL_MAILDIR, COL_OPTIONS};
	struct authdb_job *j = ctx;
	struct str sorted[COLUMNS_MAX] = {{0}};
	struct authdb_job one = {.arena = arena_new(AUTHDB_JOB_MAX)};
	for (unsigned i = 0; i < n && i < ARRAY_LEN(order); i++)
		sorted[order[i]] = column[i];
	bool good = one.arena != NULL;
	/* one that lacks something could not log in, either */
	if (good && n > 3 && !sql_row_account(sorted, COLUMNS_MAX, &one) && one.a.name.n)
		good = authdb_add_item(j, &one.a);
	arena_free(one.arena);
	if (!good)
		authdb_fail(j, "%s: the list of accounts is too large", driver->backend.what);
	return good;
}

static void change(struct state *s, struct authdb_job *j)
{
	const struct clause *c = s->shared->statements.change;
	uint64_t changed = 0;
	j->verdict = AUTHDB_NO;
	if (!c) {
		log_error(NULL, "%s: passwords can't be changed without a _CHPASS_CLAUSE",
		    driver->backend.what);
	} else if (carry_out(s, c, j, NULL, &changed)) {
		if (changed)
			j->verdict = AUTHDB_YES;
		else
			log_error(NULL, "%s: no row changed with the password of '%.*s'",
			    driver->backend.what, STR_FMT(j->name));
	}
}

static void each(struct state *s, struct authdb_job *j)
{
	const struct clause *c = s->shared->statements.each;
	uint64_t changed;
	j->verdict = AUTHDB_YES;
	if (c)
		(void)carry_out(s, c, j, each_row, &changed);
	else
		authdb_fail(j, "%s: accounts can't be listed without an _ENUMERATE_CLAUSE",
		    driver->backend.what);
}

static void run(void *state, struct work_job *work)
{
	struct state *s = state;
	struct authdb_job *j = (struct authdb_job *)work;
	uint64_t changed;
	j->verdict = AUTHDB_NO;
	if (j->kind == AUTHDB_LOOKUP)
		(void)carry_out(s, s->shared->statements.lookup, j, lookup_row, &changed);
	else if (j->kind == AUTHDB_CHANGE)
		change(s, j);
	else if (j->kind == AUTHDB_EACH)
		each(s, j);
}

int sql_main(const struct sql_driver *d, int argc, char **argv)
{
	struct authdb_backend b = d->backend;
	driver = d;
	b.prepare = prepare;
	b.open = open_state;
	b.run = run;
	return authdb_main(&b, argc, argv);
}
