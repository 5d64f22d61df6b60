/* imapd: the grammar of commands. */
#include "config.h"

#include "imapd/condstore.h"
#include "imapd/fetch.h"
#include "imapd/list-match.h"
#include "imapd/list.h"
#include "imapd/preview.h"
#include "imapd/search.h"
#include "imapd/status.h"
#include "maildir/maildir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct arena *arena;

static struct parser on(const char *text)
{
	arena_reset(arena);
	return (struct parser){str_of(text), arena};
}

static void test_strings(void **state)
{
	struct str s;
	struct parser p = on("a]b \"q\\\"\\\\x\" {3}\r\na\0c {0+}\r\n");
	p.rest.n = 28;
	assert_true(parse_astring(&p, &s) && str_is(s, "a]b"));
	assert_true(parse_sp(&p) && parse_astring(&p, &s) && str_is(s, "q\"\\x"));
	assert_true(parse_sp(&p) && parse_string(&p, &s) && s.n == 3 && s.p[1] == 0);
	assert_true(parse_sp(&p) && parse_string(&p, &s) && s.n == 0);
	assert_true(parse_end(&p));
	const char *const bad[] = {
	    "\"open", "{4}\r\nabc", "{3}abc", "{-1}\r\n", "\"a\nb\"", "(", ""};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		p = on(bad[i]);
		assert_false(parse_astring(&p, &s));
		assert_int_equal(p.rest.n, strlen(bad[i]));
	}
	p = on("a%*]");
	assert_true(parse_list_mailbox(&p, &s) && str_is(s, "a%*]"));
}

static void test_literal_tail(void **state)
{
	struct literal l;
	assert_true(
	    parse_literal_tail(STR("x {12}"), &l) && l.size == 12 && !l.nonsync && l.at == 2);
	assert_true(parse_literal_tail(STR("x ~{0+}"), &l) && l.size == 0 && l.nonsync &&
		    l.binary && l.at == 2);
	assert_false(parse_literal_tail(STR("{}"), &l));
	assert_false(parse_literal_tail(STR("{1+"), &l));
	assert_false(parse_literal_tail(STR("{99999999999999999999}"), &l));
	assert_false(parse_literal_tail(STR("12}"), &l));
}

static void test_sets(void **state)
{
	struct seqset s;
	struct parser p = on("5:3,7,*");
	assert_true(parse_set(&p, &s));
	const bool want[] = {false, false, false, true, true, true, false, true, false, true};
	for (uint32_t n = 1; n < 10; n++)
		assert_int_equal(set_has(&s, n, 9), want[n]);
	p = on("8:*");
	assert_true(parse_set(&p, &s) && set_has(&s, 5, 5)); /* the last one is always in "n:*" */
	const char *const bad[] = {"0", "1:", ",1", "1,,2", "a", "1:0", "4294967296", ""};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		p = on(bad[i]);
		assert_false(parse_set(&p, &s) && parse_end(&p));
	}
}

static void test_dates(void **state)
{
	int64_t t;
	struct parser p = on("\"17-Jul-1996 02:44:25 -0700\"");
	assert_true(parse_date_time(&p, &t) && t == 837596665);
	p = on("\" 1-Jan-1970 00:00:00 +0000\"");
	assert_true(parse_date_time(&p, &t) && t == 0);
	p = on("1-Mar-2000");
	assert_true(parse_date(&p, &t) && t == 11017);
	p = on("\"31-Dec-1969\"");
	assert_true(parse_date(&p, &t) && t == -1);
	assert_int_equal(days_from_civil(1970, 1, 1), 0);
	const char *const bad[] = {"\"30-Feb-2020 00:00:00 +0000\"",
	    "\"1-Jan-2020 24:00:00 +0000\"", "\"1-Jan-2020 00:00:00 0000\"",
	    "\"1-Jan-2020 00:00:00 +9900\"", "1-Jan-2020 00:00:00 +0000"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		p = on(bad[i]);
		assert_false(parse_date_time(&p, &t));
	}
	p = on("29-Feb-1900");
	assert_false(parse_date(&p, &t));
}

static void test_flags(void **state)
{
	struct flag_list f;
	struct parser p = on("(\\seen \\Deleted $Work Other)");
	assert_true(parse_flag_list(&p, &f) && f.flags == (MAILDIR_SEEN | MAILDIR_TRASHED));
	assert_int_equal(f.nkeywords, 2);
	p = on("()");
	assert_true(parse_flag_list(&p, &f) && !f.flags && !f.nkeywords);
	p = on("\\Draft x");
	assert_true(parse_flags_bare(&p, &f) && f.flags == MAILDIR_DRAFT && f.nkeywords == 1);
	p = on("(\\Frob)");
	assert_false(parse_flag_list(&p, &f));
	p = on("(a");
	assert_false(parse_flag_list(&p, &f));
}

static void test_fetch(void **state)
{
	struct fetch_list l;
	struct buf name;
	struct parser p = on("(UID body.peek[1.2.header.fields (a \"b-c\")]<5.10> BODY[] body)");
	buf_init(&name, 1000);
	assert_true(fetch_parse(&p, &l));
	assert_int_equal(l.n, 4);
	assert_true(l.v[1].peek && l.v[1].depth == 2 && l.v[1].from == 5 && l.v[1].count == 10);
	assert_true(fetch_item_name(&l.v[1], &name));
	assert_string_equal(name.p, "BODY[1.2.HEADER.FIELDS (\"a\" \"b-c\")]<5>");
	assert_int_equal(l.v[2].what, FETCH_SECTION);
	assert_int_equal(l.v[3].what, FETCH_BODY);
	p = on("full");
	assert_true(fetch_parse(&p, &l) && l.n == 5);
	buf_free(&name);
}

static enum search_error search(const char *text, struct search_key **k)
{
	struct parser p = on(text);
	*k = NULL;
	return search_parse(&p, STR_NONE, true, k);
}

static void test_search(void **state)
{
	struct search_key *k;
	assert_int_equal(search("BODY x SEEN SUBJECT {3}\r\nABC", &k), SEARCH_OK);
	assert_int_equal(k->kind, KEY_AND);
	assert_int_equal(k->cost, COST_ALL);
	search_optimise(k);
	assert_int_equal(k->child->kind, KEY_FLAGS);
	assert_int_equal(k->child->next->kind, KEY_HEADER);
	assert_true(str_is(k->child->next->text, "abc"));
	assert_int_equal(k->child->next->next->kind, KEY_BODY);
	assert_int_equal(search("NOT UNSEEN", &k), SEARCH_OK);
	assert_false(k->child->negate);
	assert_int_equal(search("CHARSET x-frob ALL", &k), SEARCH_BAD_CHARSET);
	assert_int_equal(search("(SEEN", &k), SEARCH_SYNTAX);
	assert_int_equal(search("", &k), SEARCH_SYNTAX);
	char deep[1000];
	memset(deep, '(', sizeof deep - 1);
	deep[sizeof deep - 1] = 0;
	assert_int_equal(search(deep, &k), SEARCH_TOO_COMPLEX);
}

static void test_in_text(void **state)
{
	arena_reset(arena);
	assert_true(search_in_text(arena, STR("Hello WORLD"), STR("lo wo")));
	assert_true(search_in_text(arena,
	    STR("Stra\xc3\x9f"
		"e"),
	    STR("strasse")));
	assert_false(search_in_text(arena, STR("abc"), STR("abd")));
	assert_true(search_in_text(arena, STR(""), STR("")));
}

static void test_list_match(void **state)
{
	assert_true(list_match(STR("*"), STR("INBOX.a.b")));
	assert_false(list_match(STR("%"), STR("INBOX.a")));
	assert_true(list_match(STR("INBOX.%.b"), STR("INBOX.a.b")));
	assert_true(list_match(STR("*b"), STR("INBOX.a.b")));
	assert_true(list_match(STR("%*%"), STR("a.b")));
	assert_false(list_match(STR("INBOX"), STR("INBOX.a")));
	assert_false(list_match(STR(""), STR("a")));
	char stars[1000], as[1000];
	memset(as, 'a', sizeof as);
	for (size_t i = 0; i < sizeof stars; i++)
		stars[i] = i % 2 ? 'a' : '*';
	stars[sizeof stars - 1] = 'b';
	assert_false(list_match(str_at(stars, sizeof stars), str_at(as, sizeof as)));
}

static void test_list_request(void **state)
{
	struct list_request rq;
	struct parser p = on("\"\" *");
	assert_true(
	    list_parse(&p, &rq) && !rq.extended && rq.n == 1 && str_is(rq.patterns[0], "*"));
	p = on("(SUBSCRIBED recursivematch) a (b \"c d\") RETURN (CHILDREN STATUS (SIZE UIDNEXT))");
	assert_true(list_parse(&p, &rq) && rq.extended && rq.n == 2);
	assert_int_equal(rq.select, LIST_SUBSCRIBED | LIST_RECURSIVE);
	assert_int_equal(rq.ret, LIST_CHILDREN | LIST_STATUS);
	assert_int_equal(rq.status, STATUS_SIZE | STATUS_UIDNEXT);
	assert_true(str_is(rq.patterns[1], "c d"));
	const char *const bad[] = {"", "a", "(X) a b", "(SUBSCRIBED)a b", "a (b", "a ()",
	    "a b RETURN", "a b RETURN (STATUS)", "a b RETURN (STATUS (SIZE)",
	    "(RECURSIVEMATCH) a b", "a b c", "(SUBSCRIBED"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		p = on(bad[i]);
		assert_false(list_parse(&p, &rq));
	}
}

static void test_select_params(void **state)
{
	struct select_params q;
	struct parser p = on("(CONDSTORE)");
	assert_true(select_params_parse(&p, &q) && q.condstore && !q.qresync);
	p = on("(QRESYNC (7 123456789012 1:3,9 (1,5 2,6)))");
	assert_true(select_params_parse(&p, &q) && q.qresync && q.uidvalidity == 7 &&
		    q.modseq == 123456789012 && q.has_known && q.known.n == 2);
	p = on("(QRESYNC (7 1) CONDSTORE)");
	assert_true(select_params_parse(&p, &q) && q.qresync && q.condstore && !q.has_known);
	const char *const bad[] = {"", "()", "(X)", "(CONDSTORE", "(QRESYNC)", "(QRESYNC (1))",
	    "(QRESYNC (1 2 3 4))", "(QRESYNC (1 2 $))", "(QRESYNC (1 2 (3)))", "(QRESYNC (1 2)"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		p = on(bad[i]);
		assert_false(select_params_parse(&p, &q));
	}
}

static void test_ranges(void **state)
{
	struct seqset s;
	struct parser p = on("9:7,1,3:2,4,*,20:30,8");
	assert_true(parse_set(&p, &s));
	ranges_tidy(&s, 12);
	const struct set_range want[] = {{1, 4}, {7, 9}, {12, 12}};
	assert_int_equal(s.n, ARRAY_LEN(want));
	assert_memory_equal(s.v, want, sizeof want);
	p = on("1:4294967295,5");
	assert_true(parse_set(&p, &s));
	ranges_tidy(&s, UINT32_MAX);
	assert_true(s.n == 1 && s.v[0].from == 1 && s.v[0].to == UINT32_MAX);
	p = on("$");
	assert_true(parse_set(&p, &s) && s.saved && s.n == 0 && parse_end(&p));
}

static void test_search_return(void **state)
{
	unsigned what;
	struct parser p = on("RETURN (MIN save) ALL");
	assert_true(search_return_parse(&p, &what) && str_is(p.rest, "ALL"));
	assert_int_equal(what, RETURN_EXTENDED | RETURN_MIN | RETURN_SAVE);
	p = on("RETURN () ALL");
	assert_true(search_return_parse(&p, &what) && what == (RETURN_EXTENDED | RETURN_ALL));
	p = on("ALL");
	assert_true(search_return_parse(&p, &what) && what == 0 && p.rest.n == 3);
	const char *const bad[] = {
	    "RETURN", "RETURN ALL", "RETURN (X) ALL", "RETURN (MIN", "RETURN ()"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		p = on(bad[i]);
		assert_false(search_return_parse(&p, &what));
	}
}

static void expect_preview(const char *text, bool html, const char *want)
{
	struct buf out;
	buf_init(&out, 4096);
	preview_text(str_of(text), html, &out);
	assert_true(str_is(buf_str(&out), want));
	buf_free(&out);
}

static void test_preview(void **state)
{
	expect_preview("> no\n  a\n\tb  \n", false, "a b");
	expect_preview("\xff\x61\xc3", false, "a");
	expect_preview("<style>x</style><b>A</b>&amp;&bogus;<!-- c", true, "A &&bogus;");
	expect_preview("a<script>if (1 < 2) x()</script>b<", true, "a b");
	expect_preview("<", true, "");
	expect_preview("", false, "");
}

static int setup(void **state)
{
	arena = arena_new(16 << 20);
	return 0;
}

static int teardown(void **state)
{
	arena_free(arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_strings),
	    cmocka_unit_test(test_literal_tail),
	    cmocka_unit_test(test_sets),
	    cmocka_unit_test(test_dates),
	    cmocka_unit_test(test_flags),
	    cmocka_unit_test(test_fetch),
	    cmocka_unit_test(test_search),
	    cmocka_unit_test(test_in_text),
	    cmocka_unit_test(test_list_match),
	    cmocka_unit_test(test_list_request),
	    cmocka_unit_test(test_select_params),
	    cmocka_unit_test(test_ranges),
	    cmocka_unit_test(test_search_return),
	    cmocka_unit_test(test_preview),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
