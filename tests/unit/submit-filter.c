/* What filters say and write: MTA-1908 MTA-1913 MTA-1813 MTA-1814 MTA-1810. */
#include "config.h"

#include "submit/filter-control.h"
#include "submit/filter-reply.h"
#include "submit/filter-results.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena *a;

static int setup(void **state UNUSED)
{
	a = arena_new(4 * 1024 * 1024);
	return a ? 0 : -1;
}

static int teardown(void **state UNUSED)
{
	arena_free(a);
	return 0;
}

static enum filter_reply_state reading(const char *text, bool end, struct gate_reply *r)
{
	*r = (struct gate_reply){0};
	return filter_reply_read(str_of(text), end, a, r);
}

static void expect(const char *text, unsigned code, const char *enhanced, const char *words)
{
	struct gate_reply r;
	assert_int_equal(reading(text, false, &r), FILTER_REPLY_DONE);
	assert_int_equal(r.code, code);
	assert_true(str_is(r.enhanced, enhanced));
	assert_true(str_is(r.text, words));
}

static void test_replies(void **state UNUSED)
{
	expect("250 Ok\n", 250, "2.0.0", "Ok");
	expect("200 2.7.0 Fine\r\n", 200, "2.7.0", "Fine");
	expect("550\n", 550, "5.7.1", "");
	expect("451-4.2.1 a\n451-4.2.1 b\n451 4.2.1 c\n", 451, "4.2.1", "a\nb\nc");
	expect("550-4.2.1 another class\n550 5\n", 550, "5.7.1", "4.2.1 another class\n5");
	expect("550 5.7.1\n", 550, "5.7.1", "");
	expect("550 5.7.1234 no\n", 550, "5.7.1", "5.7.1234 no");
	expect("550 a\tb\x01 c\xff\n", 550, "5.7.1", "a b? c?");
}

static void test_faults(void **state UNUSED)
{
	static const char *const bad[] = {"hello\n", "2500 x\n", "25 x\n", "\n", "354 x\n",
	    "250-a\n550 b\n", "250 a\nb\n", "250 a\n250 b\n", "600 x\n", "150 x\n", "250+x\n",
	    "250-a\n\n250 b\n"};
	struct gate_reply r;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(reading(bad[i], false, &r), FILTER_REPLY_BAD);
}

/* Every beginning of a reply wants more, and is a fault when nothing follows. */
static void test_pieces(void **state UNUSED)
{
	static const char whole[] = "250-one\r\n250-two\r\n250 three\r\n";
	struct gate_reply r;
	for (size_t n = 0; n < sizeof whole - 2; n++) {
		struct str in = str_at(whole, n);
		assert_int_equal(filter_reply_read(in, false, a, &r), FILTER_REPLY_MORE);
		bool text = n > strlen("250-one\r\n250-two\r\n250");
		assert_int_equal(filter_reply_read(in, true, a, &r),
		    text ? FILTER_REPLY_DONE : FILTER_REPLY_BAD);
	}
	assert_int_equal(reading("250", true, &r), FILTER_REPLY_BAD); /* 250-... perhaps */
	assert_int_equal(reading("", true, &r), FILTER_REPLY_BAD);
}

static void test_limits(void **state UNUSED)
{
	struct buf b;
	struct gate_reply r;
	buf_init(&b, 10 * FILTER_REPLY_MAX);
	for (int i = 0; i < FILTER_REPLY_LINES; i++)
		buf_addz(&b, "250-x\n");
	assert_int_equal(filter_reply_read(buf_str(&b), false, a, &r), FILTER_REPLY_MORE);
	buf_addz(&b, "250 x\n");
	assert_int_equal(filter_reply_read(buf_str(&b), false, a, &r), FILTER_REPLY_BAD);
	buf_clear(&b);
	while (b.n <= FILTER_REPLY_MAX)
		buf_addc(&b, '2');
	assert_int_equal(filter_reply_read(buf_str(&b), false, a, &r), FILTER_REPLY_BAD);
	buf_clear(&b);
	buf_addz(&b, "550 ");
	for (int i = 0; i < 2000; i++)
		buf_addc(&b, 'y');
	buf_addc(&b, '\n');
	assert_int_equal(filter_reply_read(buf_str(&b), false, a, &r), FILTER_REPLY_DONE);
	assert_int_equal(r.text.n, FILTER_REPLY_LINE);
	buf_free(&b);
}

static void said(
    const char *output, const char *heading, unsigned code, const char *enhanced, const char *words)
{
	struct gate_reply r;
	const struct filter_refusal how = {.code = 511,
	    .silent_code = 571,
	    .silent = STR("not wanted"),
	    .heading = str_of(heading)};
	assert_true(filter_output_read(str_of(output), &how, a, &r));
	assert_int_equal(r.code, code);
	assert_true(str_is(r.enhanced, enhanced));
	assert_true(str_is(r.text, words));
}

static void test_output(void **state UNUSED)
{
	said("go away\n", "", 511, "5.7.1", "go away");
	said("", "", 571, "5.7.1", "not wanted");
	said(" \n\n", "x:", 571, "5.7.1", "x:\nnot wanted");
	said("450 later\n", "", 450, "4.7.1", "later");
	said("450 4.2.0 later\n", "alice:", 450, "4.2.0", "alice:\nlater");
	said("553 a\nb\n", "", 553, "5.7.1", "a\nb");
	said("550-bad\n550 worse\n", "alice:", 550, "5.7.1", "alice:\nbad\nworse");
	said("250 fine?\n", "", 511, "5.7.1", "250 fine?");
	said("5501 more\n", "", 511, "5.7.1", "5501 more");
}

static const char before[] = "sx@y\ne\nt\nM0000000000000001.0000000000000002.00000003\n"
			     "ra@b\nR\nN\nrc@d\nR\nN\n";

static int added(const char *text, const char *want)
{
	struct buf after, out;
	const char *why = NULL;
	buf_init(&after, 4 * FILTER_ADDED_MAX);
	buf_init(&out, FILTER_ADDED_MAX);
	buf_addz(&after, before);
	buf_addz(&after, text);
	int r = filter_control_added(str_of(before), buf_str(&after), a, &out, &why);
	if (r == 0)
		assert_true(str_is(buf_str(&out), want));
	else
		assert_non_null(why);
	buf_free(&after);
	buf_free(&out);
	return r;
}

static void test_control(void **state UNUSED)
{
	assert_int_equal(added("", ""), 0);
	assert_int_equal(added("S0 100\n", "S0 100\n"), 0);
	assert_int_equal(added("I1 R 550 no\nF1 7\nXreason\n", "I1 R 550 no\nF1 7\nXreason\n"), 0);
	assert_int_equal(added("re@f\nR\nN\nS2 1\n", "re@f\nR\nN\nS2 1\n"), 0);
	assert_int_equal(added("?what\nA1\nE5\nM1\nONAME=v\n", "ONAME=v\n"), 0);
	assert_int_equal(added("S0 100", ""), -1);
	assert_int_equal(added("S2 100\n", ""), -1);
	assert_int_equal(added("F\n", ""), -1);
}

static void test_control_changed(void **state UNUSED)
{
	struct buf out;
	const char *why;
	struct str b = STR("sx\ne\n");
	buf_init(&out, FILTER_ADDED_MAX);
	assert_int_equal(filter_control_added(b, STR("sx\n"), a, &out, &why), -1);
	assert_int_equal(filter_control_added(b, STR(""), a, &out, &why), -1);
	assert_int_equal(filter_control_added(b, STR("sy\ne\nS0 1\n"), a, &out, &why), -1);
	buf_free(&out);
}

static void result(const struct gate_reply *r, size_t room, const char *want)
{
	struct buf b;
	buf_init(&b, 1000);
	filter_result_add(&b, r, room);
	assert_true(str_is(buf_str(&b), want));
	buf_free(&b);
}

static void test_results(void **state UNUSED)
{
	struct gate_reply r = {
	    .code = 550, .enhanced = STR("5.7.1"), .text = STR("alice:\nno\nno!")};
	result(&r, 1000, "550-5.7.1 alice:\n550-5.7.1 no\n550 5.7.1 no!\n");
	result(&r, 17, "550 5.7.1 alice:\n");
	result(&r, 14, "550 5.7.1 ali\n");
	result(&r, 0, "550 5.7.1 \n");
	r = (struct gate_reply){.code = 250, .text = STR("")};
	result(&r, 100, "250 \n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_replies),
	    cmocka_unit_test(test_faults),
	    cmocka_unit_test(test_pieces),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_output),
	    cmocka_unit_test(test_control),
	    cmocka_unit_test(test_control_changed),
	    cmocka_unit_test(test_results),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
