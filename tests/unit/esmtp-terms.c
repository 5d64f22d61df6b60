/* What a message demands of the next host: MTA-1012, MTA-1015, RFC 2852, RFC 9422. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "esmtp/terms.h"

static void test_refusal(void **state UNUSED)
{
	static const struct {
		struct terms t;
		const char *status; /* NULL: it may have it */
	} cases[] = {
	    {{.now = 100}, NULL},
	    {{.needs_utf8 = true}, "5.6.7"},
	    {{.needs_utf8 = true, .knows_utf8 = true}, NULL},
	    {{.size = 10, .size_max = 9}, "5.3.4"},
	    {{.size = 10, .size_max = 10}, NULL},
	    {{.size = 10, .size_max = 0}, NULL},
	    {{.now = 100, .by = 100, .by_mode = 'R', .knows_deliverby = true}, "5.4.7"},
	    {{.now = 100, .by = 101, .by_mode = 'R', .knows_deliverby = true}, NULL},
	    {{.now = 100, .by = 101, .by_mode = 'R'}, "5.3.3"},
	    {{.now = 100, .by = 150, .by_mode = 'R', .knows_deliverby = true, .by_min = 51},
		"5.4.7"},
	    {{.now = 100, .by = 150, .by_mode = 'R', .knows_deliverby = true, .by_min = 50}, NULL},
	    {{.now = 100, .by = 50, .by_mode = 'N'}, NULL},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *status = "?", *text = terms_refusal(&cases[i].t, &status);
		assert_int_equal(text != NULL, cases[i].status != NULL);
		if (text)
			assert_string_equal(status, cases[i].status);
	}
}

static void test_limits(void **state UNUSED)
{
	static const struct {
		const char *words;
		uint32_t rcpts, mails;
	} cases[] = {
	    {"", 0, 0},
	    {"RCPTMAX=100 MAILMAX=5", 100, 5},
	    {"mailmax=7 RCPTDOMAINMAX=1", 0, 7},
	    {"RCPTMAX=0 MAILMAX=-1", 0, 0},
	    {"RCPTMAX= MAILMAX", 0, 0},
	    {"RCPTMAX=4294967296", 0, 0},
	    {"RCPTMAX=3x", 0, 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct peer_limits l = {0};
		peer_limits_read(str_of(cases[i].words), &l);
		assert_int_equal(l.rcpts, cases[i].rcpts);
		assert_int_equal(l.mails, cases[i].mails);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_refusal), cmocka_unit_test(test_limits)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
