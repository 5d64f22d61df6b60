/* The file authsenders and the senders that a header names. */
#include "config.h"

#include "submit/authsenders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static unsigned faults;

static void bad(void *ctx, unsigned line, const char *why)
{
	(void)ctx;
	assert_true(line > 0);
	assert_non_null(why);
	faults++;
}

static void make_names(struct names *n)
{
	*n = (struct names){.me = STR("mx.test"), .defaultdomain = STR("example.test")};
	n->locals = domains_new(STR("mx.test\nexample.test\n"), n->me);
	n->hosted = domains_new(STR("hosted.test\n"), n->me);
}

static void free_names(struct names *n)
{
	domains_free(n->locals);
	domains_free(n->hosted);
}

static void test_file(void **state)
{
	static const struct {
		const char *login, *address;
		bool yes;
	} cases[] = {
	    {"ann", "sales@hosted.test", true},
	    {"ann", "SALES@Hosted.test", false}, /* of a hosted domain, as locallowercase is off */
	    {"ann", "sales@other.test", false},
	    {"bob", "sales@hosted.test", true},
	    {"bob", "x@far.test", true},
	    {"bob", "x@FAR.test", true},
	    {"bob", "x@a.far.test", false},
	    {"bob", "x@a.b.sub.test", true},
	    {"bob", "x@sub.test", false},
	    {"bob", "team@example.test", true},
	    {"bo", "x@far.test", false},
	    {"root", "anybody@anywhere.test", true},
	    {"nobody", "x@far.test", false},
	    {"", "x@far.test", false},
	};
	struct arena *a = arena_new(100000);
	struct names n;
	(void)state;
	make_names(&n);
	faults = 0;
	struct authsenders *s = authsenders_new(
	    STR("# who\nann sales@hosted.test # and no more\n\n"
		"bob\tsales@hosted.test @far.test\r\n  bob @.sub.test team\nroot *\nlonely\n"
		"eve no@where@at.all @ ok@far.test\n"),
	    &n, bad, NULL);
	assert_non_null(s);
	assert_int_equal(faults, 2);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct address addr = {0};
		assert_int_equal(address_canonical(&n, a, str_of(cases[i].address), STR_NONE,
				     ADDRESS_BARE, &addr),
		    ADDRESS_OK);
		if (authsenders_allow(s, str_of(cases[i].login), &addr) != cases[i].yes)
			fail_msg("%s as %s", cases[i].login, cases[i].address);
	}
	authsenders_free(s);
	free_names(&n);
	arena_free(a);
}

/* The addresses, blank separated; "-" when the header can't be believed. */
static void test_header(void **state)
{
	static const struct {
		const char *block, *senders;
	} cases[] = {
	    {"From: a@b\nTo: x@y\n", "a@b"},
	    {"From: \"x@y, \" <a@b>\nSubject: From: q@r\n", "a@b"},
	    {"from: a@b, C <c@d>\nSENDER: e@f\n", "a@b c@d e@f"},
	    {"From: a@b\nFrom: c@d\n", "a@b c@d"},
	    {"From: a@b\nResent-From: c@d\nResent-Sender: e@f\n", "a@b c@d e@f"},
	    {"From:\n a@b\n", "a@b"},
	    {"From : a@b\n", "a@b"},
	    {"From: a\n", "a"},
	    {"To: x@y\n", "-"},
	    {"From:\n", "-"},
	    {"From: <>\n", "-"},
	    {"From: a@b <c@d> e@f\n", "-"},
	    {"From: group: a@b, c@d;\n", "a@b c@d"},
	    {"From: group:;\n", "-"},
	    {"Sender: a@b\n", "-"},
	    {"From: 1@a,2@a,3@a,4@a,5@a\nSender: 6@a\n", "-"},
	};
	struct arena *a = arena_new(1000000);
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str found[5];
		struct buf got;
		buf_init(&got, 1000);
		int n = header_senders(a, str_of(cases[i].block), found, ARRAY_LEN(found));
		for (int k = 0; k < n; k++)
			buf_addf(&got, "%s%.*s", k ? " " : "", STR_FMT(found[k]));
		if (n < 0)
			buf_addz(&got, "-");
		if (!str_is(buf_str(&got), cases[i].senders))
			fail_msg("%s: %.*s", cases[i].block, STR_FMT(buf_str(&got)));
		buf_free(&got);
	}
	arena_free(a);
}

static void test_setting(void **state)
{
	unsigned b;
	(void)state;
	assert_true(bound_parse(STR(""), &b) && b == 0);
	assert_true(
	    bound_parse(STR("Header envelope"), &b) && b == (BOUND_ENVELOPE | BOUND_HEADER));
	assert_true(bound_parse(STR(" envelope "), &b) && b == BOUND_ENVELOPE);
	assert_false(bound_parse(STR("envelope,header"), &b));
	assert_false(bound_parse(STR("1"), &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_file),
	    cmocka_unit_test(test_header),
	    cmocka_unit_test(test_setting),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
