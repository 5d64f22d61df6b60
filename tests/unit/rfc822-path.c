/* libs/rfc822: SMTP paths. */
#include "config.h"

#include "tests/unit/rfc822-tests.h"

static const struct {
	const char *in;
	unsigned flags;
	enum mailpath_error want;
	const char *local, *domain;
} paths[] = {
    {"<a@b>", 0, MAILPATH_OK, "a", "b"},
    {"<a.b+c@example.com> SIZE=5", 0, MAILPATH_OK, "a.b+c", "example.com"},
    {"<\"a b\\\"c\"@d>", 0, MAILPATH_OK, "a b\"c", "d"},
    {"<\"\"@d>", 0, MAILPATH_OK, "", "d"},
    {"<@x,@y:a@b>", 0, MAILPATH_OK, "a", "b"},
    {"<a@[127.0.0.1]>", 0, MAILPATH_OK, "a", "[127.0.0.1]"},
    {"<a@[IPv6:2001:db8::1]>", 0, MAILPATH_OK, "a", "[IPv6:2001:db8::1]"},
    {"<a!b%c@d>", 0, MAILPATH_OK, "a!b%c", "d"},
    {"<a@under_score.example>", 0, MAILPATH_OK, "a", "under_score.example"},
    {"<>", MAILPATH_NULL, MAILPATH_OK, "", ""},
    {"<>", 0, MAILPATH_SYNTAX, 0, 0},
    {"<postmaster>", MAILPATH_BARE, MAILPATH_OK, "postmaster", ""},
    {"<postmaster>", 0, MAILPATH_NO_DOMAIN, 0, 0},
    {"<a b>", 0, MAILPATH_SYNTAX, 0, 0},
    {"a@b", 0, MAILPATH_SYNTAX, 0, 0},
    {"a@b", MAILPATH_NO_ANGLE, MAILPATH_OK, "a", "b"},
    {"a@b c", MAILPATH_NO_ANGLE, MAILPATH_SYNTAX, 0, 0},
    {"", 0, MAILPATH_SYNTAX, 0, 0},
    {"<", MAILPATH_NULL, MAILPATH_SYNTAX, 0, 0},
    {"<a@b", 0, MAILPATH_SYNTAX, 0, 0},
    {"<@b>", 0, MAILPATH_SYNTAX, 0, 0},
    {"<@b:>", 0, MAILPATH_SYNTAX, 0, 0},
    {"<a@>", 0, MAILPATH_SYNTAX, 0, 0},
    {"<.a@b>", 0, MAILPATH_SYNTAX, 0, 0},
    {"<a.@b>", 0, MAILPATH_SYNTAX, 0, 0},
    {"<a..b@c>", 0, MAILPATH_SYNTAX, 0, 0},
    {"<a@b..c>", 0, MAILPATH_SYNTAX, 0, 0},
    {"<a@.b>", 0, MAILPATH_SYNTAX, 0, 0},
    {"<a@b.>", 0, MAILPATH_SYNTAX, 0, 0},
    {"<a@-b>", 0, MAILPATH_SYNTAX, 0, 0},
    {"<a@b@c>", 0, MAILPATH_SYNTAX, 0, 0},
    {"<a@b\x01>", 0, MAILPATH_SYNTAX, 0, 0},
    {"<a\x7f@b>", 0, MAILPATH_SYNTAX, 0, 0},
    {"<\"a\nb\"@c>", 0, MAILPATH_SYNTAX, 0, 0},
    {"<\"a\\\nb\"@c>", 0, MAILPATH_SYNTAX, 0, 0},
    {"<\"a@b>", 0, MAILPATH_SYNTAX, 0, 0},
    {"<\"a\\", 0, MAILPATH_SYNTAX, 0, 0},
    {"<a@[127.0.0.300]>", 0, MAILPATH_SYNTAX, 0, 0},
    {"<a@[::1]>", 0, MAILPATH_SYNTAX, 0, 0},
    {"<a@[IPv6:::1>", 0, MAILPATH_SYNTAX, 0, 0},
    {"<a@[>", 0, MAILPATH_SYNTAX, 0, 0},
    {"<p\xc3\xa9l@x>", 0, MAILPATH_NEEDS_UTF8, 0, 0},
    {"<p\xc3\xa9l@x>", MAILPATH_UTF8, MAILPATH_OK, "p\xc3\xa9l", "x"},
    {"<a@b\xc3\xa4r>", MAILPATH_UTF8, MAILPATH_OK, "a", "b\xc3\xa4r"},
    {"<a@b\xc3\xa4r>", 0, MAILPATH_NEEDS_UTF8, 0, 0},
    {"<\"\xe2\x82\xac\"@b>", MAILPATH_UTF8, MAILPATH_OK, "\xe2\x82\xac", "b"},
    {"<p\xc3@x>", MAILPATH_UTF8, MAILPATH_SYNTAX, 0, 0},
    {"<p\xc2\x85@x>", MAILPATH_UTF8, MAILPATH_SYNTAX, 0, 0},
    {"<a@b\xff>", MAILPATH_UTF8, MAILPATH_SYNTAX, 0, 0},
};

static void test_paths(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct arena *a = arena_new(10000);
		struct mailpath m;
		struct str in = exact(a, paths[i].in), rest = in;
		enum mailpath_error e = mailpath_parse(a, &rest, paths[i].flags, &m);
		if (e != paths[i].want)
			print_message("case %zu: %s\n", i, paths[i].in);
		assert_int_equal(e, paths[i].want);
		if (e == MAILPATH_OK) {
			assert_str(m.local, paths[i].local);
			assert_str(m.domain, paths[i].domain);
			assert_int_equal(m.utf8, str_has_8bit(in));
		} else {
			assert_ptr_equal(rest.p, in.p); /* nothing is cut off on error */
		}
		arena_free(a);
	}
}

static void test_rest(void **state)
{
	struct arena *a = arena_new(10000);
	struct mailpath m;
	struct str rest = STR("<a@b> SIZE=5");
	assert_int_equal(mailpath_parse(a, &rest, 0, &m), MAILPATH_OK);
	assert_str(rest, " SIZE=5");
	arena_free(a);
}

static enum mailpath_error of_lengths(size_t local, size_t label, size_t labels)
{
	struct arena *a = arena_new(100000);
	struct mailpath m;
	struct buf b;
	buf_init(&b, 10000);
	buf_addc(&b, '<');
	while (local--)
		buf_addc(&b, 'l');
	for (size_t i = 0; i < labels; i++) {
		buf_addc(&b, i ? '.' : '@');
		for (size_t k = 0; k < label; k++)
			buf_addc(&b, 'd');
	}
	buf_addc(&b, '>');
	struct str rest = buf_str(&b);
	enum mailpath_error e = mailpath_parse(a, &rest, 0, &m);
	buf_free(&b);
	arena_free(a);
	return e;
}

static void test_lengths(void **state)
{
	assert_int_equal(of_lengths(MAILPATH_LOCAL_MAX, 1, 1), MAILPATH_OK);
	assert_int_equal(of_lengths(MAILPATH_LOCAL_MAX + 1, 1, 1), MAILPATH_TOO_LONG);
	assert_int_equal(of_lengths(1, 63, 1), MAILPATH_OK);
	assert_int_equal(of_lengths(1, 64, 1), MAILPATH_SYNTAX);
	assert_int_equal(of_lengths(1, 1, 128), MAILPATH_OK);
	assert_int_equal(of_lengths(1, 1, 129), MAILPATH_TOO_LONG);
}

static void test_domains(void **state)
{
	struct str ip;
	assert_true(mailpath_domain_ok(STR("a.b-c.d"), false));
	assert_false(mailpath_domain_ok(STR("a b"), false));
	assert_false(mailpath_domain_ok(STR(""), false));
	assert_false(mailpath_domain_ok(STR("b\xc3\xa4r"), false));
	assert_true(mailpath_domain_ok(STR("b\xc3\xa4r"), true));
	assert_true(mailpath_literal_ok(STR("[IPv6:::1]"), &ip));
	assert_str(ip, "::1");
	assert_true(mailpath_literal_ok(STR("[1.2.3.4]"), &ip));
	assert_str(ip, "1.2.3.4");
	assert_false(mailpath_literal_ok(STR("[]"), &ip));
	assert_false(mailpath_literal_ok(STR("["), &ip));
	assert_false(mailpath_literal_ok(STR("[1.2.3.4\0]"), &ip));
}

int rfc822_path_tests(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_paths),
	    cmocka_unit_test(test_rest),
	    cmocka_unit_test(test_lengths),
	    cmocka_unit_test(test_domains),
	};
	return cmocka_run_group_tests_name("rfc822 paths", tests, NULL, NULL);
}
