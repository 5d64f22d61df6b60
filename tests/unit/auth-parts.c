/* authdaemond's tables that are bounded and forget: cache, tickets, attempts; and options. */
#include "config.h"

#include "authdaemon/daemon.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static void test_cache(void **state)
{
	struct cache *c = cache_new(3, 60000);
	cache_add(c, STR("tim"), STR("$1$a"), STR("secret"));
	assert_true(cache_has(c, STR("tim"), STR("$1$a"), STR("secret")));
	assert_false(cache_has(c, STR("tim"), STR("$1$b"), STR("secret"))); /* changed */
	assert_false(cache_has(c, STR("tim"), STR("$1$a"), STR("secreT")));
	assert_false(cache_has(c, STR("tom"), STR("$1$a"), STR("secret")));
	/* the borders between the parts count */
	assert_false(cache_has(c, STR("ti"), STR("m$1$a"), STR("secret")));
	assert_false(cache_has(c, STR("tim"), STR("$1$as"), STR("ecret")));
	for (int i = 0; i < 10; i++) { /* never more than the maximum */
		char name[8];
		snprintf(name, sizeof name, "u%d", i);
		cache_add(c, str_of(name), STR("x"), STR("y"));
		assert_true(cache_has(c, str_of(name), STR("x"), STR("y")));
	}
	assert_false(cache_has(c, STR("tim"), STR("$1$a"), STR("secret")));
	cache_free(c);
}

static void test_cache_ends(void **state)
{
	struct cache *c = cache_new(10, 30);
	cache_add(c, STR("tim"), STR("a"), STR("b"));
	assert_true(cache_has(c, STR("tim"), STR("a"), STR("b")));
	usleep(50000);
	assert_false(cache_has(c, STR("tim"), STR("a"), STR("b")));
	cache_free(c);
	c = cache_new(10, 0);
	cache_add(c, STR("tim"), STR("a"), STR("b"));
	assert_false(cache_has(c, STR("tim"), STR("a"), STR("b")));
	cache_free(c);
}

static struct account *account(void)
{
	struct arena *arena = arena_new(ACCOUNT_ARENA_MAX);
	struct account *a = arena_new_of(arena, struct account);
	a->arena = arena;
	return a;
}

static void test_tickets(void **state)
{
	struct tickets *t = tickets_new();
	char first[AUTH_TICKET_SIZE + 1], other[AUTH_TICKET_SIZE + 1];
	struct account *a = account();
	ticket_issue(t, a, "broker", first);
	ticket_issue(t, account(), "gate", other);
	assert_string_not_equal(first, other);
	assert_null(ticket_redeem(t, str_head(str_of(first), AUTH_TICKET_SIZE - 1), "broker"));
	assert_null(ticket_redeem(t, str_of(first), "gate")); /* not theirs, and not spent by it */
	assert_ptr_equal(ticket_redeem(t, str_of(first), "broker"), a);
	assert_null(ticket_redeem(t, str_of(first), "broker"));
	account_free(a);
	/* so many that the oldest are gone, and its memory with them */
	for (int i = 0; i < TICKETS_MAX; i++)
		ticket_issue(t, account(), "broker", first);
	assert_null(ticket_redeem(t, str_of(other), "gate"));
	a = ticket_redeem(t, str_of(first), "broker");
	assert_non_null(a);
	account_free(a);
	tickets_free(t);
}

static void test_attempts(void **state)
{
	struct attempts *t = attempts_new();
	struct str v4 = STR("192.0.2.1"), v6 = STR("2001:db8::1"), near = STR("2001:db8::ffff:2");
	for (int i = 0; i < ATTEMPTS_FREE; i++) {
		assert_int_equal(attempts_factor(t, v4), 1);
		attempts_failed(t, v4);
	}
	assert_int_equal(attempts_factor(t, v4), 2);
	assert_int_equal(attempts_factor(t, STR("192.0.2.2")), 1);
	for (int i = 0; i < 1000; i++)
		attempts_failed(t, v6);
	assert_int_equal(attempts_factor(t, v6), ATTEMPTS_FACTOR_MAX);
	assert_int_equal(attempts_factor(t, near), ATTEMPTS_FACTOR_MAX); /* the same /64 */
	assert_int_equal(attempts_factor(t, STR("2001:db8:0:1::1")), 1);
	attempts_right(t, v4);
	assert_int_equal(attempts_factor(t, v4), 1);
	attempts_failed(t, STR("")); /* a local client: nobody to count */
	assert_int_equal(attempts_factor(t, STR("")), 1);
	for (int i = 0; i < 2 * ATTEMPTS_MAX; i++) {
		char ip[20];
		snprintf(ip, sizeof ip, "10.0.%d.%d", i / 256, i % 256);
		attempts_failed(t, str_of(ip));
	}
	assert_int_equal(attempts_factor(t, v4), 1);
	attempts_free(t);
}

static void test_options(void **state)
{
	static const struct {
		const char *own, *defaults, *want;
	} t[] = {{"", "", ""}, {"a=1", "", "a=1"}, {"", "a=1,b=2", "a=1,b=2"},
	    {"a=1", "a=2, b=3", "a=1,b=3"}, {"aa=1", "a=2", "aa=1,a=2"}, {"a", "a=2", "a"},
	    {"a=1", ",,", "a=1"}};
	struct arena *arena = arena_new(10000);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct str got = account_options(arena, str_of(t[i].own), t[i].defaults);
		if (!str_is(got, t[i].want))
			fail_msg(
			    "'%s' and '%s' give '%.*s'", t[i].own, t[i].defaults, STR_FMT(got));
	}
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cache),
	    cmocka_unit_test(test_cache_ends),
	    cmocka_unit_test(test_tickets),
	    cmocka_unit_test(test_attempts),
	    cmocka_unit_test(test_options),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
