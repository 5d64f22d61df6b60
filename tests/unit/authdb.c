/* Accounts in directories and databases: files, statements, rows, filters. */
#include "config.h"

#include "authdb/ldaprc.h"
#include "authdb/sql.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct arena *arena;

static int set_up(void **state)
{
	arena = arena_new(4 * 1024 * 1024);
	return arena ? 0 : -1;
}

static int tear_down(void **state)
{
	arena_free(arena);
	return 0;
}

/* ---- statements ------------------------------------------------------------------------------ */

enum { ALL = (1 << CLAUSE_VARIABLES) - 1 };

/* "sql | value | value", or "! why" */
static const char *shown(enum clause_dialect d, const char *text)
{
	static char out[1024];
	static const struct str values[CLAUSE_VARIABLES] = {[CLAUSE_LOCAL_PART] = STR_INIT("o'n\\"),
	    [CLAUSE_DOMAIN] = STR_INIT("x.test"),
	    [CLAUSE_SERVICE] = STR_INIT("imap"),
	    [CLAUSE_NEWPASS] = STR_INIT("$(domain)'"),
	    [CLAUSE_NEWPASS_CRYPT] = STR_INIT("$6$a"),
	    [CLAUSE_LOGIN] = STR_INIT("o'n\\@x.test")};
	const char *why = NULL;
	struct clause *c = clause_parse(d, text, ALL, arena, &why);
	if (!c) {
		snprintf(out, sizeof out, "! %s", why);
		return out;
	}
	size_t n = (size_t)snprintf(out, sizeof out, "%s", c->sql);
	for (unsigned i = 0; i < c->n; i++) {
		struct str v = clause_value(c, i, values, arena);
		assert_non_null(v.p);
		n += (size_t)snprintf(out + n, sizeof out - n, " | %.*s", STR_FMT(v));
	}
	return out;
}

static void test_clause_parameters(void **state)
{
	assert_string_equal(shown(CLAUSE_MYSQL, "SELECT 'x' FROM t WHERE a='$(local_part)'"),
	    "SELECT 'x' FROM t WHERE a=? | o'n\\");
	assert_string_equal(
	    shown(CLAUSE_PGSQL, "a='$(local_part)' AND b='$(domain)' OR c=$(service)"),
	    "a=$1 AND b=$2 OR c=$3 | o'n\\ | x.test | imap");
	assert_string_equal(
	    shown(CLAUSE_SQLITE, "a='$(local_part)@$(domain)'"), "a=? | o'n\\@x.test");
	assert_string_equal(
	    shown(CLAUSE_MYSQL, "a LIKE \"%it''s\\%\\'$(domain)\""), "a LIKE ? | %it''s\\%'x.test");
	assert_string_equal(shown(CLAUSE_PGSQL, "a='it''s\\$(domain)'"), "a=$1 | it's\\x.test");
	/* a value is a value, whatever stands in it */
	assert_string_equal(
	    shown(CLAUSE_PGSQL, "a='$(newpass)$(newpass_crypt)'"), "a=$1 | $(domain)'$6$a");
	assert_string_equal(shown(CLAUSE_SQLITE, "a=$(login)"), "a=? | o'n\\@x.test");
}

static void test_clause_left_alone(void **state)
{
	static const char *const same[] = {
	    "SELECT 'a''b', \"c\", `d` -- '$(domain)\n, /* '$(domain) */ e", "SELECT 'a\\'",
	    "$x$ ' $x$ 'b'", "E'\\'' || 'b'", "a::text ? 'b'"};
	assert_string_equal(shown(CLAUSE_SQLITE, same[0]), same[0]);
	assert_string_equal(shown(CLAUSE_PGSQL, same[1]), same[1]);
	assert_string_equal(shown(CLAUSE_PGSQL, same[2]), same[2]);
	assert_string_equal(shown(CLAUSE_PGSQL, same[3]), same[3]);
	assert_string_equal(shown(CLAUSE_PGSQL, same[4]), same[4]);
	assert_string_equal(shown(CLAUSE_MYSQL, "'a\\'b' # it's\n"), "'a\\'b' # it's\n");
	assert_string_equal(shown(CLAUSE_MYSQL, "1--1='$(domain)'"), "1--1=? | x.test");
}

static void test_clause_faults(void **state)
{
	static const struct {
		enum clause_dialect d;
		const char *text;
	} bad[] = {{CLAUSE_MYSQL, "a='$(nothing)'"}, {CLAUSE_MYSQL, "a='$(domain)"},
	    {CLAUSE_MYSQL, "`$(domain)`=1"}, {CLAUSE_PGSQL, "\"$(domain)\"=1"},
	    {CLAUSE_PGSQL, "a=E'$(domain)'"}, {CLAUSE_MYSQL, "a=_utf8'$(domain)'"},
	    {CLAUSE_PGSQL, "$$ '$(domain)' $$"}, {CLAUSE_PGSQL, "a=$1"}, {CLAUSE_MYSQL, "a=?"},
	    {CLAUSE_SQLITE, "a=$b"}, {CLAUSE_SQLITE, "/* '"}, {CLAUSE_PGSQL, "$x$ y"}};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (shown(bad[i].d, bad[i].text)[0] != '!')
			fail_msg("taken: %s", bad[i].text);
	char many[2000] = "";
	for (int i = 0; i < 70; i++)
		strncat(many, "$(domain),", sizeof many - strlen(many) - 1);
	assert_string_equal(shown(CLAUSE_MYSQL, many), "! too many $(variables)");
}

/* ---- files ----------------------------------------------------------------------------------- */

static int load(const struct rc_file *f, const char *text, struct rc *rc, struct rc_fault *fault)
{
	return rc_parse(f, str_of(text), arena, rc, fault);
}

static void test_rc(void **state)
{
	struct rc rc;
	struct rc_fault fault;
	assert_int_equal(
	    load(&authsqliterc,
		"# SQLITE_DATABASE /no \\\nSQLITE_DATABASE\t/a/b  \r\n\nSQLITE_USER_TABLE t\n"
		"SQLITE_CLEAR_PWFIELD clear\nDEFAULT_DOMAIN\nSQLITE_WHERE_CLAUSE a = 1 \\\n\tAND "
		"b\n"
		"ODD 1\n",
		&rc, &fault),
	    0);
	assert_string_equal(rc.values[SQL_DATABASE], "/a/b");
	assert_string_equal(rc.values[SQL_WHERE], "a = 1  AND b");
	assert_string_equal(rc.values[SQL_UID], "uid");
	assert_string_equal(rc.values[SQL_DEFAULT_DOMAIN], "");
	assert_int_equal(rc.n_odd, 1);
	assert_int_equal(rc.odd[0].line, 9);
	assert_int_equal(load(&authsqliterc, "SQLITE_DATABASE x\n", &rc, &fault), -1);
	assert_int_equal(fault.line, 0);
	assert_int_equal(load(&authmysqlrc, "#\nMYSQL_PORT 70000\n", &rc, &fault), -1);
	assert_int_equal(fault.line, 2);
	assert_int_equal(load(&authmysqlrc, "MYSQL_SERVER a\x01\n", &rc, &fault), -1);
	assert_int_equal(
	    load(&authmysqlrc,
		"MYSQL_SERVER a\nMYSQL_USERNAME b\nMYSQL_DATABASE c\nMYSQL_USER_TABLE d\n", &rc,
		&fault),
	    -1);
	assert_non_null(strstr(fault.why, "_PWFIELD"));
	assert_int_equal(load(&authpgsqlrc,
			     "PGSQL_CONNECTION \\\n host=a \\\n port=5\nPGSQL_USER_TABLE "
			     "d\nPGSQL_CRYPT_PWFIELD e\n",
			     &rc, &fault),
	    0);
	assert_string_equal(rc.values[PGSQL_CONNECTION], "host=a  port=5");
}

static void test_statements(void **state)
{
	const char *v[RC_VALUES_MAX], *why;
	struct sql_statements s;
	for (size_t i = 0; i < RC_VALUES_MAX; i++)
		v[i] = "";
	v[SQL_USER_TABLE] = "t";
	v[SQL_LOGIN] = "id";
	v[SQL_UID] = "uid";
	v[SQL_GID] = "gid";
	v[SQL_HOME] = "home";
	v[SQL_CRYPT] = "crypt";
	v[SQL_WHERE] = "a OR b";
	assert_int_equal(sql_statements(CLAUSE_PGSQL, v, arena, &s, &why), 0);
	assert_string_equal(s.lookup->sql, "SELECT id, crypt, '', uid, gid, home, '', '', '', '', "
					   "'' FROM t WHERE id = $1 AND (a OR b)");
	assert_string_equal(s.each->sql, "SELECT id, uid, gid, home, '', '' FROM t WHERE (a OR b)");
	assert_string_equal(s.change->sql, "UPDATE t SET crypt = $1 WHERE id = $2 AND (a OR b)");
	v[SQL_SELECT] = "SELECT '$(local_part)'";
	assert_int_equal(sql_statements(CLAUSE_PGSQL, v, arena, &s, &why), 0);
	assert_null(s.change);
	v[SQL_SELECT] = "SELECT '$(newpass)'";
	assert_int_equal(sql_statements(CLAUSE_PGSQL, v, arena, &s, &why), -1);
	assert_non_null(strstr(why, "_SELECT_CLAUSE"));
}

static const char *row(struct authdb_job *j, const char *const *cells, unsigned n)
{
	struct str column[COLUMNS_MAX];
	for (unsigned i = 0; i < n; i++)
		column[i] = str_of(cells[i]);
	*j = (struct authdb_job){.arena = arena, .name = STR("asked"), .service = STR("imap")};
	return sql_row_account(column, n, j);
}

static void test_rows(void **state)
{
	struct authdb_job j;
	char *big = mem_zero(AUTHDB_VALUE_MAX + 2);
	memset(big, 'x', AUTHDB_VALUE_MAX + 1);
	assert_null(row(&j, (const char *[]){"a@b", "", "pw", "5", " 6", "/h"}, 6));
	assert_int_equal(j.a.uid, 5);
	assert_int_equal(j.a.gid, 6);
	assert_true(str_is(j.clear, "pw") && str_is(j.a.name, "a@b") && j.a.maildir.n == 0);
	assert_null(
	    row(&j, (const char *[]){"", "h", "", "5", "6", "/h", "m", "q", "f", "o", "d"}, 11));
	assert_true(
	    str_is(j.a.name, "asked") && str_is(j.a.maildir, "m") && str_is(j.a.options, "o"));
	assert_non_null(row(&j, (const char *[]){"a", "", "", "5", "6"}, 5));
	assert_non_null(row(&j, (const char *[]){"a", "", "", "-1", "6", "/h"}, 6));
	assert_non_null(row(&j, (const char *[]){"a", "", "", "5", "4294967295", "/h"}, 6));
	assert_non_null(row(&j, (const char *[]){"a", "", "", "5", "6", ""}, 6));
	assert_non_null(row(&j, (const char *[]){"a", "", "", "5", "6", "/h\n"}, 6));
	assert_non_null(row(&j, (const char *[]){"a", big, "", "5", "6", "/h"}, 6));
	free(big);
}

/* ---- the directory --------------------------------------------------------------------------- */

static void test_ldaprc(void **state)
{
	struct rc rc;
	struct rc_fault fault;
	struct ldap_option o[LDAPRC_OPTIONS_MAX];
	const char *sound = "LDAP_URI ldap://a, ldap://b\nLDAP_GLOB_UID v\nLDAP_GLOB_GID v\n";
	assert_int_equal(load(&authldaprc, sound, &rc, &fault), 0);
	assert_string_equal(rc.values[LDAPRC_URI], "ldap://a, ldap://b");
	assert_string_equal(rc.values[LDAPRC_CRYPTPW], "userPassword");
	assert_int_equal(rc_number(&rc, LDAPRC_TIMEOUT), 5);
	static const char *const bad[] = {"LDAP_FILTER (a=b)(c=d)\n", "LDAP_FILTER a=b\n",
	    "LDAP_FILTER (a=b))(\n", "LDAP_TLS 2\n", "LDAP_MAIL a b\n", "LDAP_DEREF perhaps\n",
	    "LDAP_EMAILMAP (a=@user@)\n", "LDAP_URI\n"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const char *text = arena_printf(arena, "%s%s", sound, bad[i]);
		if (load(&authldaprc, text, &rc, &fault) == 0)
			fail_msg("taken: %s", bad[i]);
	}
	assert_int_equal(ldaprc_options("a=b,c=d", arena, o), 2);
	assert_string_equal(o[1].name, "d");
	assert_int_equal(ldaprc_options("", arena, o), 0);
	assert_int_equal(ldaprc_options("a", arena, o), -1);
	assert_int_equal(ldaprc_options("a=b c", arena, o), -1);
}

#ifdef ENABLE_LDAP
static void test_filters(void **state)
{
	struct buf b;
	buf_init(&b, 4096);
	assert_true(ldaprc_filter(&b, "", "mail", STR("a*)(b\\\0c@d")));
	assert_string_equal(b.p, "(mail=a\\2a\\29\\28b\\5c\\00c@d)");
	assert_true(ldaprc_filter(&b, "(x=y)", "mail", STR("a@b")));
	assert_string_equal(b.p, "(&(x=y)(mail=a@b))");
	assert_true(ldaprc_emailmap(&b, "(&(u=@user@)(r=@realm@)(z=@user))", STR("a@realm@)*@b")));
	assert_string_equal(b.p, "(&(u=a@realm@\\29\\2a)(r=b)(z=@user))");
	buf_free(&b);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_clause_parameters, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_clause_left_alone, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_clause_faults, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_rc, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_statements, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_rows, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_ldaprc, set_up, tear_down),
#ifdef ENABLE_LDAP
	    cmocka_unit_test_setup_teardown(test_filters, set_up, tear_down),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
