/* The front's grammar: where a command ends, its strings, and the names people log in with. */
#include "config.h"

#include "auth/auth-proto.h"
#include "login/login-parse.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

static void test_length(void **state)
{
	static const struct {
		struct str in;
		ptrdiff_t length;
		size_t end;
		bool ask;
	} cases[] = {
	    {STR_INIT(""), 0, 0, false},
	    {STR_INIT("a NOOP"), 0, 0, false},
	    {STR_INIT("a NOOP\r\n"), 6, 2, false},
	    {STR_INIT("a NOOP\n"), 6, 1, false},
	    {STR_INIT("a NOOP\r\nb NOOP\r\n"), 6, 2, false},
	    {STR_INIT("\r\n"), 0, 2, false},
	    {STR_INIT("a LOGIN {3}\r\n"), 0, 0, true},
	    {STR_INIT("a LOGIN {0}\r\n"), 0, 0, true},
	    {STR_INIT("a LOGIN {3+}\r\n"), 0, 0, false},
	    {STR_INIT("a LOGIN {3}\r\nti"), 0, 0, false},
	    {STR_INIT("a LOGIN {3}\r\ntim x\r\n"), 18, 2, false},
	    {STR_INIT("a LOGIN {3+}\r\n\r\n\r x\r\n"), 19, 2, false},
	    {STR_INIT("a LOGIN {3}\r\ntim {1}\r\n"), 0, 0, true},
	    {STR_INIT("a LOGIN {8193}\r\n"), -1, 0, false},
	    {STR_INIT("a LOGIN {8193+}\r\n"), -1, 0, false},
	    {STR_INIT("a LOGIN {18446744073709551617}\r\n"), -1, 0, false},
	    /* no literals: lines like others */
	    {STR_INIT("a LOGIN {}\r\n"), 10, 2, false},
	    {STR_INIT("a LOGIN {-1}\r\n"), 12, 2, false},
	    {STR_INIT("a LOGIN {3++}\r\n"), 13, 2, false},
	    {STR_INIT("a LOGIN {3} \r\n"), 12, 2, false},
	    {STR_INIT("a LOGIN 3}\r\n"), 10, 2, false},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t end = 0;
		bool ask = false;
		assert_int_equal(login_command_length(cases[i].in, &end, &ask), cases[i].length);
		assert_int_equal(end, cases[i].end);
		assert_int_equal(ask, cases[i].ask);
	}
}

/* Both words of a LOGIN, or nothing. */
static bool two(struct str in, struct str *a, struct str *b)
{
	static char room[200];
	struct login_words w = {in, room};
	return login_astring(&w, a) && login_astring(&w, b) && w.rest.n == 0;
}

static void test_words(void **state)
{
	struct str a, b;
	assert_true(two(STR(" tim pencil"), &a, &b));
	assert_true(str_is(a, "tim") && str_is(b, "pencil"));
	assert_true(two(STR(" \"t \\\"i\\\\m\" \"\""), &a, &b));
	assert_true(str_is(a, "t \"i\\m") && b.n == 0);
	assert_true(two(STR(" {3}\r\nt\r\n {4+}\r\na\0b "), &a, &b));
	assert_true(str_is(a, "t\r\n") && str_eq(b, STR("a\0b ")));
	assert_true(two(STR(" t]m@x \xc3\xa9"), &a, &b));
	static const struct str wrong[] = {STR_INIT("tim pencil"), STR_INIT(" tim"),
	    STR_INIT(" tim  x"), STR_INIT(" tim x "), STR_INIT(" tim x y"), STR_INIT(" \"tim x"),
	    STR_INIT(" \"tim\\"), STR_INIT(" \"tim\"x y"), STR_INIT(" \"t\rm\" x"),
	    STR_INIT(" {4}\r\ntim"), STR_INIT(" {x}\r\ntim x"), STR_INIT(" {9999999}\r\nx x"),
	    STR_INIT(" t(m x"), STR_INIT(" t\x7fm x"), STR_INIT(" t\"m x")};
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_false(two(wrong[i], &a, &b));
}

static void test_tags(void **state)
{
	assert_true(login_tag_ok(STR("a1")) && login_tag_ok(STR("A.b-c]")));
	static const struct str wrong[] = {STR_INIT(""), STR_INIT("+"), STR_INIT("*"),
	    STR_INIT("a%"), STR_INIT("a\"b"), STR_INIT("a\r"), STR_INIT("\xc3\xa9")};
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_false(login_tag_ok(wrong[i]));
	char tag[101];
	memset(tag, 'a', sizeof tag);
	assert_true(login_tag_ok(str_at(tag, 100)));
	assert_false(login_tag_ok(str_at(tag, 101)));
}

static const char *whole(const char *name, const char *domain, const char *separators)
{
	static struct buf b;
	buf_free(&b);
	buf_init(&b, 40);
	return auth_full_name(str_of(name), str_of(domain), str_of(separators), &b) ? b.p : NULL;
}

static void test_names(void **state)
{
	assert_string_equal(whole("tim", "@example.com", ""), "tim@example.com");
	assert_string_equal(whole("tim@here", "@example.com", ""), "tim@here");
	assert_string_equal(whole("tim%here", "@example.com", ""), "tim%here@example.com");
	assert_string_equal(whole("tim%here", "@example.com", "@%"), "tim%here");
	assert_string_equal(whole("tim", "", ""), "tim");
	assert_string_equal(whole("tim", "", "@"), "tim");
	assert_null(whole("a-name-of-thirty-two-characters-", "@example.com", ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_length),
	    cmocka_unit_test(test_words), cmocka_unit_test(test_tags),
	    cmocka_unit_test(test_names)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
