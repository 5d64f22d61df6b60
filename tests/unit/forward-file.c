/* ~/.forward files as .courier instructions: MTA-1736. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>
#include "local/dot-courier.h"
#include "local/forward-file.h"

static const struct {
	const char *file, *out; /* out NULL: refused */
	bool own;
} rows[] = {
    {"q@y.test\n", "&q@y.test\n", false},
    {"q@y.test", "&q@y.test\n", false},
    {"q@y.test, r@y.test\n\\s@y.test\n", "&q@y.test\n&r@y.test\n&s@y.test\n", false},
    {"x@y.test,\n z@y.test\n", "&x@y.test\n&z@y.test\n", false},
    {"\"|prog a, b\", /p/q\n", "|prog a, b\n/p/q\n", false},
    {"| /bin/prog x, y\n", "| /bin/prog x, y\n", false},
    {"\"| /path prog\"\n./mb\n\"./m b\"\n", "| /path prog\n./mb\n./m b\n", false},
    {"\"|prog \\\"q\\\" \\\\x\"\n", "|prog \"q\" \\x\n", false},
    {"\\alice, z@z.test\n", "&z@z.test\n", true},
    {"alice\n", "", true},
    {"A@X.test\n", "&A@X.test\n", false},
    {"Alice@x.TEST\n", "", true},
    {"b@x.test\n", "", false}, /* has had it */
    {"B@x.test, c@x.test\n", "&c@x.test\n", false},
    {"# note\n\n  \nx@y.test\n", "&x@y.test\n", false},
    {"\"a b\"@y.test, Foo Bar <f@y.test>\n", "&\"a b\"@y.test\n&f@y.test\n", false},
    {"f@y.test (a, b)\n", "&f@y.test\n", false},
    {"bob\n", "&bob\n", false},
    {"", "", false},
    {",,,\n", "", false},
    {":include:/etc/x\n", NULL, false},
    {"\"|no end\n", NULL, false},
    {"| \n", NULL, false},
    {"\"|\"\n", NULL, false},
    {"\"||two\"\n", NULL, false},
    {"|| two\n", NULL, false},
    {"\"|x\" y@z\n", NULL, false},
    {"\"|x\\\\\"\n", NULL, false}, /* would swallow the next line */
    {"a@b\x01.test\n", NULL, false},
};

static void table(void **state UNUSED)
{
	struct forward_facts f = {.own = STR("alice@x.test"),
	    .header = STR("Delivered-To: b@x.test\nSubject: Delivered-To: c@x.test\n")};
	struct arena *a = arena_new(1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf out;
		bool own;
		buf_init(&out, FORWARD_FILE_MAX);
		const char *fault = forward_convert(str_of(rows[i].file), &f, a, &out, &own);
		if (!rows[i].out) {
			if (!fault)
				fail_msg(
				    "'%s' was taken: '%.*s'", rows[i].file, STR_FMT(buf_str(&out)));
		} else if (fault || own != rows[i].own || !str_is(buf_str(&out), rows[i].out)) {
			fail_msg("'%s': %s, own %d, '%.*s'", rows[i].file, fault ? fault : "fine",
			    own, STR_FMT(buf_str(&out)));
		}
		buf_free(&out);
		arena_reset(a);
	}
	arena_free(a);
}

/* A byte of an address can't become an instruction. */
static void stays_address(void **state UNUSED)
{
	struct arena *a = arena_new(1 << 22);
	struct forward_facts f = {.own = STR_NONE};
	for (int c = 1; c < 256; c++) {
		char text[] = "\"c|x\"@y.test\n";
		struct dot_file d;
		struct buf out;
		bool own;
		text[1] = (char)c;
		buf_init(&out, FORWARD_FILE_MAX);
		if (c != '|' && c != '/' && c != '"' && c != ' ' && c != '\t' && c != '\r' &&
		    !forward_convert(str_of(text), &f, a, &out, &own)) {
			assert_null(dot_parse(buf_str(&out), a, &d));
			for (size_t i = 0; i < d.n; i++)
				assert_int_equal(d.line[i].kind, DOT_FORWARD);
		}
		buf_free(&out);
		arena_reset(a);
	}
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(table),
	    cmocka_unit_test(stays_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
