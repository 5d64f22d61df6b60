/* ldapaliasd: the settings file and search filters. */
#include "config.h"

#include "ldapaliasd/directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static int parse(const char *text, struct arena *a, struct ldapaliasrc *rc, unsigned *line)
{
	const char *why;
	return ldapaliasrc_parse(str_of(text), a, rc, line, &why);
}

/* MTA-2703 MTA-2704 MTA-2705 MTA-2706 MTA-2707 MTA-2708 MTA-2709 */
static void test_settings(void **state)
{
	struct arena *a = arena_new(65536);
	struct ldapaliasrc rc;
	unsigned line;
	(void)state;
	assert_int_equal(parse("", a, &rc, &line), 0);
	assert_false(rc.on);
	assert_int_equal(rc.timeout, 5);
	assert_int_equal(rc.connections, 5);
	assert_string_equal(rc.mail, "mail");
	assert_string_equal(rc.maildrop, "maildrop");
	assert_string_equal(rc.source, "");
	assert_int_equal(parse("##NAME: X:0\n# x\nLDAP_ALIAS\t\t1\nLDAP_URI ldap://h:1 ldap://i\n"
			       "LDAP_BASEDN\tou=a b, dc=c\nLDAP_BINDDN cn=x\nLDAP_BINDPW p w \n"
			       "LDAP_TIMEOUT 7\nLDAP_NUMPROCS 2\nLDAP_MAIL m\nLDAP_MAILDROP d\n"
			       "LDAP_SOURCE s\nLDAP_VDOMAIN vd\nLDAP_VUSER vu\nLDAP_TLS 1\n",
			     a, &rc, &line),
	    0);
	assert_true(rc.on && rc.starttls);
	assert_string_equal(rc.uri, "ldap://h:1 ldap://i");
	assert_string_equal(rc.base, "ou=a b, dc=c");
	assert_string_equal(rc.user, "cn=x");
	assert_string_equal(rc.password, "p w");
	assert_int_equal(rc.timeout, 7);
	assert_int_equal(rc.connections, 2);
	assert_string_equal(rc.mail, "m");
	assert_string_equal(rc.maildrop, "d");
	assert_string_equal(rc.source, "s");
	assert_string_equal(rc.vdomain, "vd");
	assert_string_equal(rc.vuser, "vu");
	arena_free(a);
}

static void test_faults(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
	} cases[] = {{"LDAP_ALIAS 2\n", 1}, {"\nLDAP_TIMEOUT 0\n", 2}, {"LDAP_NUMPROCS x\n", 1},
	    {"LDAP_NUMPROCS 1000\n", 1}, {"WHAT 1\n", 1}, {"LDAP_ALIAS 1\nLDAP_URI\n", 0},
	    {"LDAP_ALIAS 1\nLDAP_MAIL a)(b\n", 0}, {"LDAP_ALIAS 1\nLDAP_VDOMAIN d\n", 0},
	    {"LDAP_BASEDN a\tb\n", 1}};
	struct ldapaliasrc rc;
	unsigned line;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *a = arena_new(65536);
		if (parse(cases[i].text, a, &rc, &line) != -1 || line != cases[i].line)
			fail_msg("%s: %u", cases[i].text, line);
		arena_free(a);
	}
}

/* MTA-2707 MTA-2708: what an outsider writes into an address is a value, never part of the filter
 */
static void test_filters(void **state)
{
	struct buf b;
	(void)state;
	buf_init(&b, 1000);
	assert_true(directory_filter(&b, "mail", STR("a@b.c"), "", STR_NONE));
	assert_string_equal(b.p, "(mail=a@b.c)");
	assert_true(directory_filter(&b, "mail", STR("a*)(x=\\"), "", STR("esmtp")));
	assert_string_equal(b.p, "(mail=a\\2a\\29\\28x=\\5c)");
	assert_true(directory_filter(&b, "mail", STR("\xc3\xa9 \0@x"), "src", STR("esmtp")));
	assert_string_equal(b.p, "(&(mail=\\c3\\a9\\20\\00@x)(src=esmtp))");
	assert_true(directory_filter(&b, "mail", STR("a"), "src", STR("")));
	assert_string_equal(b.p, "(&(mail=a)(!(src=*)))");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_settings),
	    cmocka_unit_test(test_faults),
	    cmocka_unit_test(test_filters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
