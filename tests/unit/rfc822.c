/* libs/rfc822: headers and address lists. */
#include "config.h"

#include "tests/unit/rfc822-tests.h"

#include <stdio.h>

static int setup(void **state)
{
	*state = arena_new(64 << 20);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	arena_free(*state);
	return 0;
}

/* "name|comment|local|domain" per mailbox, "name:" and ";" for groups, "!" when malformed. */
static const char *describe(struct arena *a, struct str body)
{
	struct mailaddr_list list;
	struct buf out;
	buf_init(&out, 1 << 20);
	assert_int_equal(mailaddr_parse(a, body, 1000, &list), 0);
	size_t mailboxes = 0;
	for (const struct mailaddr *m = list.first; m; m = m->next) {
		if (out.n)
			buf_addc(&out, ' ');
		if (m->kind == MAILADDR_GROUP_BEGIN)
			buf_addf(&out, "%.*s:", STR_FMT(m->name));
		else if (m->kind == MAILADDR_GROUP_END)
			buf_addc(&out, ';');
		else
			buf_addf(&out, "%.*s|%.*s|%.*s|%.*s", STR_FMT(m->name), STR_FMT(m->comment),
			    STR_FMT(m->local), STR_FMT(m->domain));
		mailboxes += m->kind == MAILADDR_MAILBOX;
	}
	assert_int_equal(mailboxes, list.mailboxes);
	if (list.malformed)
		buf_addz(&out, " !");
	char *z = arena_strz(a, buf_str(&out));
	buf_free(&out);
	return z;
}

static const struct {
	const char *in, *want;
} lists[] = {
    {"", ""},
    {"a@b", "||a|b"},
    {" a@b , c@d ", "||a|b ||c|d"},
    {"Bob Smith <bob@example.com>", "Bob Smith||bob|example.com"},
    {"\"Smith, Bob\" <bob@example.com>", "Smith, Bob||bob|example.com"},
    {"John Q. Public <JQB@bar.example>", "John Q. Public||JQB|bar.example"},
    {"\"Giant; \\\"Big\\\" Box\" <x@y>", "Giant; \"Big\" Box||x|y"},
    {"<a@b>", "||a|b"},
    {"<>", "|||"},
    {"bob@example.com (Bob Smith)", "|Bob Smith|bob|example.com"},
    {"bob@example.com (Bob (the \\) one)\r\n  Smith)", "|Bob (the ) one) Smith|bob|example.com"},
    {"(first) a@b, (second) c@d", "|first|a|b |second|c|d"},
    {"a@b (x), c@d", "|x|a|b ||c|d"},
    {"A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
	"A Group: Ed Jones||c|a.test ||joe|where.test John||jdoe|one.test ;"},
    {"undisclosed-recipients:;", "undisclosed-recipients: ;"},
    {"(c) g : ; , a@b", "g: ; ||a|b"},
    {"Mary Smith <@node.test:mary@example.net>, , jdoe@test . example",
	"Mary Smith||mary|example.net ||jdoe|test.example"},
    {"<@a,@b:c@d>", "||c|d"},
    {"pete . x (c) @ (c) silly (c) . test", "|c|pete.x|silly.test"},
    {"\"a b\"@c", "||a b|c"},
    {"\"a\\\"b\".x@c", "||a\"b.x|c"},
    {"x@[192.0.2.1]", "||x|[192.0.2.1]"},
    {"x@[ IPv6:::1 ]", "||x|[IPv6:::1]"},
    {"postmaster", "||postmaster|"},
    {"<postmaster>, bob", "||postmaster| ||bob|"},
    {"a..b@c", "||a..b|c"},
    {"Pel\xc3\xa9 <pel\xc3\xa9@ex\xc3\xa4mple.org>", "Pel\xc3\xa9||pel\xc3\xa9|ex\xc3\xa4mple.org"},
    {"=?utf-8?q?J=C3=B6rg?= <j@x>", "=?utf-8?q?J=C3=B6rg?=||j|x"},
    {"a\r\n b <x@y>", "a b||x|y"},
    {"\"a\r\n b\" <x@y>", "a b||x|y"},
    /* not quite right, but meant */
    {"bob@x <bob@x>", "bob@x||bob|x !"},
    {"John Smith", "John Smith||| !"},
    {"a@b c@d", "||a|b ||c|d !"},
    {"Bob <b@x> Al <a@x>", "Bob||b|x Al||a|x !"},
    {"a@b@c, d@e", "a@b@c||| ||d|e !"},
    {"@b, d@e", "@b||| ||d|e !"},
    {"a@, d@e", "a@||| ||d|e !"},
    {"Bob <bob@x, c@d", "Bob||| ||c|d !"},
    {"Bob <bob smith@x>, c@d", "Bob||| ||c|d !"},
    {"g: h: a@b;", "g: ||a|b ; !"},
    {"g: a@b", "g: ||a|b ; !"},
    {"a@b;", "||a|b !"},
    {"\"unclosed <a@b>", "||unclosed <a@b>| !"},
    {"a@b (unclosed", "|unclosed|a|b !"},
    {"a@b)", "||a|b !"},
    {"\"\\", "||\\| !"},
    {">", ">||| !"},
    {"<", "||| !"},
    {"a@b\x01, c@d", "||a|b\x01 ||c|d !"},
    {"a@[x[y]", "||a|[x[y] !"},
    {"a@[x\\]y]", "||a|[x\\]y] !"},
};

static void test_lists(void **state)
{
	struct arena *a = *state;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const char *got = describe(a, exact(a, lists[i].in));
		if (strcmp(got, lists[i].want) != 0)
			print_message("case %zu: %s\n", i, lists[i].in);
		assert_string_equal(got, lists[i].want);
	}
}

static void test_ranges(void **state)
{
	struct arena *a = *state;
	struct mailaddr_list l;
	struct str in = STR("Bob <(c) bob @ x (d)>, al@y, <@r:z@w>");
	assert_int_equal(mailaddr_parse(a, in, 10, &l), 0);
	struct mailaddr *m = l.first;
	assert_str(m->spec, "bob @ x");
	assert_str(m->angle, "<(c) bob @ x (d)>");
	assert_ptr_equal(m->spec.p, in.p + 9);
	m = m->next;
	assert_str(m->spec, "al@y");
	assert_int_equal(m->angle.n, 0);
	m = m->next;
	assert_str(m->spec, "z@w");
	assert_str(m->route, "@r");
}

static void test_limits(void **state)
{
	struct mailaddr_list l;
	assert_int_equal(mailaddr_parse(*state, STR("a@b, c@d, e@f"), 2, &l), 0);
	assert_true(l.limit);
	assert_int_equal(l.mailboxes, 2);
	struct arena *a = *state;
	char *deep = arena_alloc(a, 1000);
	memset(deep, '(', 1000);
	assert_int_equal(mailaddr_parse(a, str_at(deep, 1000), 2, &l), 0);
	assert_true(l.limit);
	struct arena *small = arena_new(100);
	assert_int_equal(mailaddr_parse(small, STR("a@b, c@d, e@f"), 9, &l), -1);
	arena_free(small);
}

/* A megabyte of each hostile byte must take no noticeable time: nothing is read twice. */
static void test_linear(void **state)
{
	static const char *const patterns[] = {"<", "(", "\"", "@", "a", ".", ",", ";", "a:", "\\",
	    "a@b ", "<a", "[", "()", "a ", "\"\" ", "<@a,", "a@[", ">"};
	enum { N = 1 << 20 };
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
		struct arena *a = arena_new(64 << 20);
		struct mailaddr_list l;
		char *p = arena_alloc(a, N);
		for (size_t k = 0; k < N; k++)
			p[k] = patterns[i][k % strlen(patterns[i])];
		int64_t from = clock_mono_ms();
		assert_int_equal(mailaddr_parse(a, str_at(p, N), 10000, &l), 0);
		assert_true(clock_mono_ms() - from < 2000);
		arena_free(a);
	}
}

static void test_one(void **state)
{
	struct mailaddr m;
	assert_true(mailaddr_parse_one(*state, STR("Bob <b@x>"), &m));
	assert_str(m.local, "b");
	assert_false(mailaddr_parse_one(*state, STR("a@b, c@d"), &m));
	assert_false(mailaddr_parse_one(*state, STR("g:;"), &m));
	assert_false(mailaddr_parse_one(*state, STR(""), &m));
	assert_false(mailaddr_parse_one(*state, STR("a b"), &m));
}

static const struct {
	const char *in, *want;
} printed[] = {
    {"a@b", "To: a@b\n"},
    {"Bob  Smith <bob@x>", "To: Bob Smith <bob@x>\n"},
    {"\"Bob Smith\" <bob@x>", "To: Bob Smith <bob@x>\n"},
    {"John Q. Public <j@x>", "To: \"John Q. Public\" <j@x>\n"},
    {"\"=?utf-8?q?x?=\" <j@x>", "To: \"=?utf-8?q?x?=\" <j@x>\n"},
    {"=?utf-8?q?x?= <j@x>", "To: =?utf-8?q?x?= <j@x>\n"},
    {"\"a b\"@c", "To: \"a b\"@c\n"},
    {"\"a\\\\\\\"b\"@c", "To: \"a\\\\\\\"b\"@c\n"},
    {"a..b@c", "To: \"a..b\"@c\n"},
    {"bob@x (Bob (B) Smith)", "To: bob@x (Bob \\(B\\) Smith)\n"},
    {"<>", "To: <>\n"},
    {"g:a@b,c@d;,e@f", "To: g: a@b, c@d;, e@f\n"},
    {"undisclosed-recipients:;", "To: undisclosed-recipients:;\n"},
    {"<@a:b@c>", "To: b@c\n"},
    {"a@[x(<y]", "To: a@[x(<y]\n"},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.com, bbbbbbbbbbbbbbbbbbbbbbbbbbbb@example.com, "
     "c@d",
	"To: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.com,\n"
	" bbbbbbbbbbbbbbbbbbbbbbbbbbbb@example.com, c@d\n"},
};

static void test_print(void **state)
{
	struct arena *a = *state;
	struct buf out;
	buf_init(&out, 10000);
	for (size_t i = 0; i < ARRAY_LEN(printed); i++) {
		struct mailaddr_list l;
		buf_clear(&out);
		assert_int_equal(mailaddr_parse(a, str_of(printed[i].in), 100, &l), 0);
		assert_true(mailaddr_print_field(&out, "To", l.first, "\n"));
		assert_string_equal(out.p, printed[i].want);
	}
	buf_clear(&out);
	mailaddr_print_spec(&out, STR("a\r\nBcc: x"), STR("b\r\n>"));
	assert_string_equal(out.p, "\"aBcc: x\"@b"); /* no way to a second header */
	buf_free(&out);
}

static void test_fields(void **state)
{
	struct arena *a = *state;
	struct str m = exact(a, "From: a\r\nSubject : b\r\n\tc\r\n d\njunk line\nX:\n\r\nbody\n");
	size_t body, n = header_length(m, &body);
	assert_str(str_skip(m, body), "body\n");
	assert_str(str_head(m, n), "From: a\r\nSubject : b\r\n\tc\r\n d\njunk line\nX:\n");
	struct str rest = m;
	struct header_field f;
	assert_true(header_next(&rest, &f));
	assert_str(f.name, "From");
	assert_str(f.body, " a");
	assert_true(header_next(&rest, &f));
	assert_str(f.name, "Subject");
	assert_str(f.body, " b\r\n\tc\r\n d");
	assert_str(f.raw, "Subject : b\r\n\tc\r\n d\n");
	assert_str(header_unfold(a, f.body), "b\tc d");
	assert_true(header_next(&rest, &f));
	assert_int_equal(f.name.n, 0);
	assert_str(f.body, "junk line");
	assert_true(header_next(&rest, &f));
	assert_str(f.name, "X");
	assert_int_equal(f.body.n, 0);
	assert_false(header_next(&rest, &f));
	assert_true(header_find(m, "subject", &f));
	assert_false(header_find(m, "Subjec", &f));
}

static void test_field_edges(void **state)
{
	struct arena *a = *state;
	struct header_field f;
	size_t body;
	struct str rest = exact(a, " cont\nA:b");
	assert_true(header_next(&rest, &f));
	assert_int_equal(f.name.n, 0);
	assert_true(header_next(&rest, &f));
	assert_str(f.body, "b");
	assert_false(header_next(&rest, &f));
	rest = exact(a, ":x\nN\xc3\xa9: y\n");
	assert_true(header_next(&rest, &f));
	assert_int_equal(f.name.n, 0);
	assert_true(header_next(&rest, &f));
	assert_int_equal(f.name.n, 0);
	assert_int_equal(header_length(STR("A: b"), &body), 4);
	assert_int_equal(body, 4);
	assert_int_equal(header_length(STR("\nbody"), &body), 0);
	assert_int_equal(body, 1);
	assert_int_equal(header_length(STR_NONE, &body), 0);
	rest = STR("A: b\n \n c\nD: e\n"); /* a line of blanks goes on */
	assert_true(header_next(&rest, &f));
	assert_str(header_unfold(a, f.body), "b  c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_fields, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_field_edges, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_lists, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_ranges, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_linear, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_one, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_print, setup, teardown),
	};
	int failed = cmocka_run_group_tests_name("rfc822", tests, NULL, NULL);
	return failed + rfc822_path_tests() + rfc822_text_tests() + rfc822_verp_tests();
}
