/* uucp: which paths lead anywhere, what uux may be told, and addresses there and back. */
#include "config.h"

#include "rewrite/rewrite.h"
#include "submit/rmail.h"
#include "uucp/uucp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct {
	const char *node, *flags;
} table[] = {{"apple", ""}, {"food", "F"}, {"gate", "G"}, {"rel", "R"}, {"rel!two", ""},
    {"rel!two!three", "R"}, {"fr", "F"}, {"fr!mid", "R"}, {"n", ""}, {"n!m", ""}, {"n!m!g", "G"}};

static int known(void *ctx, struct str node, unsigned *flags)
{
	(void)ctx;
	if (str_is(node, "broken"))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (str_is(node, table[i].node))
			return uucp_flags_parse(str_of(table[i].flags), flags);
	return 0;
}

/* What the original's aliaslookup and uux calls showed of each. */
static void ways(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		enum uucp_way way;
		const char *node, *rest;
		bool forward;
	} cases[] = {{"apple!john", UUCP_WAY, "apple", "john", false},
	    {"apple!x!john", UUCP_NO_WAY, "", "", false},
	    {"nobody!john", UUCP_NO_WAY, "", "", false},
	    {"food!apple", UUCP_WAY, "food", "apple", false},
	    {"food!fruits!apple", UUCP_WAY, "food!fruits", "apple", true},
	    {"gate!a!b", UUCP_WAY, "gate", "a!b", true}, {"gate!b", UUCP_WAY, "gate", "b", false},
	    {"rel!u", UUCP_WAY, "rel", "u", false}, {"rel!two!u", UUCP_WAY, "rel", "two!u", false},
	    {"rel!two!three!u", UUCP_WAY, "rel", "two!three!u", false},
	    {"rel!other!u", UUCP_NO_WAY, "", "", false},
	    {"fr!mid!deep!u", UUCP_WAY, "fr!mid!deep", "u", true},
	    {"n!m!u", UUCP_WAY, "n!m", "u", false}, {"n!m!g!x!u", UUCP_WAY, "n!m!g", "x!u", true},
	    {"broken!u", UUCP_UNKNOWN, "", "", false}, {"", UUCP_BAD_PATH, "", "", false},
	    {"apple", UUCP_BAD_PATH, "", "", false}, {"apple!", UUCP_BAD_PATH, "", "", false},
	    {"!apple", UUCP_BAD_PATH, "", "", false}, {"food!!x", UUCP_BAD_PATH, "", "", false},
	    {"food!-oQ", UUCP_BAD_PATH, "", "", false},
	    {"food!a;reboot", UUCP_BAD_PATH, "", "", false},
	    {"food!(a)", UUCP_BAD_PATH, "", "", false}, {"food!a b", UUCP_BAD_PATH, "", "", false},
	    {"food!$HOME", UUCP_BAD_PATH, "", "", false},
	    {"food!o'brien", UUCP_WAY, "food", "o'brien", false}};
	struct uucp_route r;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (uucp_find(str_of(cases[i].path), known, NULL, &r) != cases[i].way ||
		    !str_is(r.node, cases[i].node) || !str_is(r.rest, cases[i].rest) ||
		    r.forward != cases[i].forward)
			fail_msg("%s: %.*s %.*s %d", cases[i].path, STR_FMT(r.node),
			    STR_FMT(r.rest), r.forward);
}

static void lines(void **state)
{
	(void)state;
	struct str node;
	unsigned flags;
	assert_int_equal(uucp_neighbor_line(STR("food\tFR"), &node, &flags), 1);
	assert_true(str_is(node, "food") && flags == (UUCP_FORWARD | UUCP_RELAY));
	assert_int_equal(uucp_neighbor_line(STR("food!fruits!apple"), &node, &flags), 1);
	assert_int_equal(flags, 0);
	assert_int_equal(uucp_neighbor_line(STR("# x"), &node, &flags), 0);
	assert_int_equal(uucp_neighbor_line(STR("  "), &node, &flags), 0);
	assert_int_equal(uucp_neighbor_line(STR("food\tX"), &node, &flags), -1);
	assert_int_equal(uucp_neighbor_line(STR("food F R"), &node, &flags), -1);
	assert_int_equal(uucp_neighbor_line(STR("food!\tF"), &node, &flags), -1);
	assert_int_equal(uucp_neighbor_line(STR("$(x)\tF"), &node, &flags), -1);
}

static void flags(void **state)
{
	(void)state;
	struct str w[UUCP_FLAG_WORDS_MAX];
	assert_int_equal(uux_flags(STR("-j -g C"), w), 3);
	assert_int_equal(uux_flags(STR("-gC -r"), w), 2);
	assert_int_equal(uux_flags(STR(""), w), 0);
	static const char *const bad[] = {"-g", "-a x", "-g CC", "-j; reboot", "-", "x", "-jr",
	    "-r -r -r -r -r -r -r -r -r", "--grade=C", "-s /etc/passwd"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (uux_flags(str_of(bad[i]), w) >= 0)
			fail_msg("%s", bad[i]);
}

static bool own(void *ctx, struct str domain)
{
	(void)ctx;
	return str_ieq(domain, STR("example.com"));
}

static void addresses(void **state)
{
	(void)state;
	static const struct {
		const char *local, *domain, *node, *path;
	} out[] = {{"user", "example.com", "", "example!user"},
	    {"someone", "domain.com", "", "example!domain.com!someone"},
	    {"someone", "domain.com", "apple", "example!domain.com!someone"},
	    {"apple!kim", "example.com", "apple", "kim"}, {"apple!kim", "", "apple", "kim"},
	    {"apple!kim", "", "food", "example!apple!kim"}, {"a!b", "", "a!b", "example!a!b"},
	    {"food!fruits!apple", "example.com", "food!fruits", "apple"},
	    {"example!food!x", "example.com", "apple", "example!food!x"}};
	static const struct {
		const char *path, *local, *domain;
	} in[] = {{"domain.com!joe", "joe", "domain.com"}, {"example!bob", "bob", ""},
	    {"example!domain.com!joe", "joe", "domain.com"},
	    {"apple!domain.com!joe", "apple!domain.com!joe", ""}, {"apple!john", "apple!john", ""},
	    {"domain.com!a!b", "a!b", "domain.com"}, {"bob", "bob", ""}, {".!x", ".!x", ""},
	    {"example!example!bob", "bob", ""}, {"domain.com!", "domain.com!", ""}};
	struct arena *a = arena_new(65536);
	for (size_t i = 0; i < ARRAY_LEN(out); i++) {
		struct rewrite_bang b = {
		    .me = STR("example"), .node = str_of(out[i].node), .own = own};
		struct str path = bang_path(a, &b, str_of(out[i].local), str_of(out[i].domain));
		if (!str_is(path, out[i].path))
			fail_msg("%s@%s: %.*s", out[i].local, out[i].domain, STR_FMT(path));
	}
	for (size_t i = 0; i < ARRAY_LEN(in); i++) {
		struct rewrite_bang b = {.me = STR("example"), .own = own};
		struct str l, d;
		bang_address(&b, str_of(in[i].path), &l, &d);
		if (!str_is(l, in[i].local) || !str_is(d, in[i].domain))
			fail_msg("%s: %.*s@%.*s", in[i].path, STR_FMT(l), STR_FMT(d));
	}
	arena_free(a);
}

static void headers(void **state)
{
	(void)state;
	struct arena *a = arena_new(65536);
	struct rewrite_bang b = {.me = STR("example"), .node = STR("apple"), .own = own};
	struct rewrite out_rw = {.map = rewrite_bang_out, .ctx = &b};
	struct rewrite in_rw = {.map = rewrite_bang_in, .ctx = &b};
	struct str out;
	assert_int_equal(rewrite_header(a,
			     STR("From: Some One <someone@domain.com>\n"
				 "To: apple!kim@example.com, bob@example.com\n"
				 "Subject: a!b@example.com\n"),
			     &out_rw, &out),
	    0);
	assert_true(str_eq(out, STR("From: Some One <example!domain.com!someone>\n"
				    "To: kim, example!bob\nSubject: a!b@example.com\n")));
	assert_int_equal(
	    rewrite_header(
		a, STR("From: domain.com!someone\nTo: example!bob, apple!x\n"), &in_rw, &out),
	    0);
	assert_true(str_eq(out, STR("From: someone@domain.com\nTo: bob, apple!x\n")));
	arena_free(a);
}

static void from_lines(void **state)
{
	(void)state;
	static const struct {
		const char *message, *sender;
	} cases[] = {
	    {"From joe Thu Nov 26 14:20:03 2026 remote from far\nSubject: x\n\n", "far!joe"},
	    {"From x Thu remote from b\n>From joe Thu remote from a\nTo: y\n", "b!a!joe"},
	    {"From joe Thu\n\n", "joe"}, {"From <> Thu remote from a\n", ""},
	    {"Subject: x\nFrom joe remote from a\n", ""}, {"", ""}, {"From \n", ""}};
	struct arena *a = arena_new(65536);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (!str_is(rmail_sender(a, str_of(cases[i].message)), cases[i].sender))
			fail_msg("%s", cases[i].message);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(ways), cmocka_unit_test(lines),
	    cmocka_unit_test(flags), cmocka_unit_test(addresses), cmocka_unit_test(headers),
	    cmocka_unit_test(from_lines)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
