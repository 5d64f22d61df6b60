/* libs/rfc822: dates, message ids, base subjects. */
#include "config.h"

#include "tests/unit/rfc822-tests.h"

static const struct {
	const char *in;
	long long epoch;
	int zone;
	bool known;
} dates[] = {
    {"Sun, 22 Nov 2026 06:18:00 +0000", 1795328280, 0, true},
    {"22 Nov 2026 06:18 GMT", 1795328280, 0, true},
    {"Sun, 22 Nov 2026 08:18:00 +0200 (EET)", 1795328280, 120, true},
    {" Sun ,\r\n 22 (day) Nov 2026\t01 : 18 : 00 EST", 1795328280, -300, true},
    {"Thu, 1 Jan 1970 00:00:00 -0000", 0, 0, false},
    {"Thu, 1 Jan 70 00:00:00 +0000", 0, 0, true},
    {"31 Dec 1969 23:59:59 +0000", -1, 0, true},
    {"1 Jan 101 00:00:00 UT", 978307200, 0, true},
    {"29 Feb 2000 12:00:00 +0000", 951825600, 0, true},
    {"Tue, 19 Jan 2038 03:14:08 +0000", 2147483648LL, 0, true},
    {"1 Jan 2100 00:00:00 Z", 4102444800LL, 0, true},
    {"31 Dec 2016 23:59:60 +0000", 1483228799, 0, true},
    {"22-Nov-2026 06:18:00 +0000", 1795328280, 0, true},
    {"Sun Nov 22 06:18:00 2026", 1795328280, 0, false},
    {"22 November 2026 06:18:00 PDT", 1795353480, -420, true},
    {"22 Nov 2026 06:18:00 A", 1795328280, 0, false},
    {"22 Nov 2026 06:18:00 GMT+0100", 1795324680, 60, true},
    {"22 Nov 2026 06:18:00.123 +0000", 1795328280, 0, true},
    {"22 Nov 2026 06:18:00", 1795328280, 0, false},
};

static void test_dates(void **state)
{
	struct arena *a = arena_new(100000);
	for (size_t i = 0; i < ARRAY_LEN(dates); i++) {
		struct maildate d = {0};
		bool ok = maildate_parse(exact(a, dates[i].in), &d);
		if (!ok || d.epoch != dates[i].epoch)
			print_message("case %zu: %s\n", i, dates[i].in);
		assert_true(ok);
		assert_true(d.epoch == dates[i].epoch);
		assert_int_equal(d.zone, dates[i].zone);
		assert_int_equal(d.zone_known, dates[i].known);
	}
	arena_free(a);
}

static void test_bad_dates(void **state)
{
	static const char *const bad[] = {"", "Sun,", "31 Jun 2026 00:00:00 +0000",
	    "29 Feb 2100 00:00 +0000", "1 Jan 2026 24:00:00 +0000", "1 Jan 2026 00:60 +0000",
	    "1 Jan 2026 00:00:61 +0000", "0 Jan 2026 00:00 +0000", "1 Foo 2026 00:00 +0000",
	    "1 Jan 2026", "1 Jan 20260 00:00 +0000", "1 Jan 2026 00:00 +000",
	    "1 Jan 2026 00:00 +0060", "1 Jan 2026 00:00 +00000", "now", "(",
	    "1 Jan 0000 00:00 +0000"};
	struct arena *a = arena_new(100000);
	struct maildate d = {.epoch = 7};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (maildate_parse(exact(a, bad[i]), &d))
			print_message("case %zu: %s\n", i, bad[i]);
		assert_int_equal(d.epoch, 7);
	}
	arena_free(a);
}

/* Against the clock that writes dates: every day for a while, and what it wrote is read back. */
static void test_dates_round(void **state)
{
	char text[CLOCK_RFC5322_SIZE];
	for (int64_t t = -86400LL * 40000; t < 86400LL * 60000; t += 86399 * 7) {
		struct maildate d;
		assert_true(maildate_parse(str_of(clock_rfc5322(t, text)), &d));
		assert_true(d.epoch == t);
	}
}

static const char *ids_of(struct arena *a, const char *in)
{
	struct buf out;
	struct str rest = exact(a, in), id;
	buf_init(&out, 4000);
	while (msgid_next(a, &rest, &id))
		buf_addf(&out, "%.*s ", STR_FMT(id));
	char *z = arena_strz(a, buf_str(&out));
	buf_free(&out);
	return z;
}

static void test_ids(void **state)
{
	struct arena *a = arena_new(100000);
	assert_string_equal(ids_of(a, "<a@b>"), "a@b ");
	assert_string_equal(ids_of(a, " <a@b>\r\n\t<c@d> "), "a@b c@d ");
	assert_string_equal(ids_of(a, "Your message of Monday <a@b>, <c@\r\n d>"), "a@b c@d ");
	assert_string_equal(
	    ids_of(a, "<\"01KF8JCEOCBS0045PS\"@xxx.yyy>"), "01KF8JCEOCBS0045PS@xxx.yyy ");
	assert_string_equal(ids_of(a, "<\"a b\"@c>"), "ab@c ");
	assert_string_equal(ids_of(a, "<a@b <c@d> <e@f"), "c@d ");
	assert_string_equal(ids_of(a, "<> <a@\x01> <noat>"), "noat ");
	assert_string_equal(ids_of(a, "none"), "");
	arena_free(a);
}

static void test_id_limit(void **state)
{
	struct arena *a = arena_new(100000);
	char big[MSGID_MAX + 10];
	memset(big, 'x', sizeof big);
	big[0] = '<';
	struct str rest, id;
	big[MSGID_MAX + 1] = '>';
	rest = str_at(big, MSGID_MAX + 2);
	assert_true(msgid_next(a, &rest, &id));
	assert_int_equal(id.n, MSGID_MAX);
	big[MSGID_MAX + 1] = 'x';
	big[MSGID_MAX + 2] = '>';
	rest = str_at(big, MSGID_MAX + 3);
	assert_false(msgid_next(a, &rest, &id));
	arena_free(a);
}

static const struct {
	const char *in, *want;
	bool reply;
} subjects[] = {
    {"", "", false},
    {"Hello", "Hello", false},
    {"  Hello \t  world ", "Hello world", false},
    {"Re: Hello", "Hello", true},
    {"RE : re: Fwd: fw:  Hello", "Hello", true},
    {"Re[2]: Hello", "Hello", true},
    {"Re [x] : Hello", "Hello", true},
    {"[list] Hello", "Hello", false},
    {"[list] Re: [other] Re: Hello (fwd) (FWD) ", "Hello", true},
    {"[a][b]", "[b]", false},
    {"[a] [b] x", "x", false},
    {"[fwd: Hello]", "Hello", true},
    {"[Fwd: Re: [x] Hello (fwd)]", "Hello", true},
    {"Re:", "", true},
    {"Report", "Report", false},
    {"Re Hello", "Re Hello", false},
    {"[unclosed Re: x", "[unclosed Re: x", false},
    {"[a[b] x", "[a[b] x", false},
};

static void test_subjects(void **state)
{
	struct arena *a = arena_new(100000);
	for (size_t i = 0; i < ARRAY_LEN(subjects); i++) {
		bool reply;
		struct str s = subject_base(a, exact(a, subjects[i].in), &reply);
		assert_str(s, subjects[i].want);
		assert_int_equal(reply, subjects[i].reply);
	}
	arena_free(a);
}

static void test_subject_linear(void **state)
{
	static const char *const patterns[] = {"[a]", "re:", "[fwd:", "(fwd)", "[", "re[", " "};
	enum { N = 1 << 20 };
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
		struct arena *a = arena_new(8 << 20);
		char *p = arena_alloc(a, N);
		for (size_t k = 0; k < N; k++)
			p[k] = patterns[i][k % strlen(patterns[i])];
		p[N - 1] = ']';
		int64_t from = clock_mono_ms();
		assert_non_null(subject_base(a, str_at(p, N), NULL).p);
		assert_true(clock_mono_ms() - from < 1000);
		arena_free(a);
	}
}

int rfc822_text_tests(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_dates),
	    cmocka_unit_test(test_bad_dates),
	    cmocka_unit_test(test_dates_round),
	    cmocka_unit_test(test_ids),
	    cmocka_unit_test(test_id_limit),
	    cmocka_unit_test(test_subjects),
	    cmocka_unit_test(test_subject_linear),
	};
	return cmocka_run_group_tests_name("rfc822 text", tests, NULL, NULL);
}
