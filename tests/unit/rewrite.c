/* libs/rewrite. */
#include "config.h"

#include "rewrite/rewrite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static int setup(void **state)
{
	*state = arena_new(16 << 20);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static const struct str own[] = {STR_INIT("192.0.2.1"), STR_INIT("2001:db8::1")};
static struct rewrite_canonical canonical = {.default_domain = STR_INIT("example.com"),
    .me = STR_INIT("mx.example.com"),
    .literals = own,
    .literal_count = 2};

static const struct {
	const char *in, *want; /* want NULL: unchanged */
} headers[] = {
    {"", NULL},
    {"Subject: bob\nTo: bob@example.org\n", NULL},
    {"Subject: x\r\nTo: bob\r\nX-To: bob\r\n",
	"Subject: x\r\nTo: bob@example.com\r\nX-To: bob\r\n"},
    {"To: Bob <bob>,\n\t\"Al, Jr\" (c) <al@EXAMPLE.org>,  joe@x (Joe)\n",
	"To: Bob <bob@example.com>,\n\t\"Al, Jr\" (c) <al@example.org>,  joe@x (Joe)\n"},
    {"CC: g: a, b@[192.0.2.1] ;\n", "CC: g: a@example.com, b@mx.example.com ;\n"},
    {"To: b@[IPv6:2001:DB8:0::1], c@[192.0.2.9]\n", "To: b@mx.example.com, c@[192.0.2.9]\n"},
    {"To: host!bob, <>, undisclosed-recipients:;\n", NULL},
    {"Resent-From: a\nFrom: b\nSender: c\nReply-To: d\nBcc: e\nReturn-Path: f\n",
	"Resent-From: a@example.com\nFrom: b@example.com\nSender: c@example.com\nReply-To: "
	"d@example.com\nBcc: e@example.com\nReturn-Path: f\n"},
    {"To: \"a b\"@X\n", "To: \"a b\"@x\n"},
    {"To: a . b (c) @ (d) X (e)\n", "To: a.b@x (e)\n"},
    {"To: x@B\xc3\x9c"
     "cher.example, y@XN--BCHER-KVA.example\n",
	"To: x@b\xc3\xbc"
	"cher.example, y@xn--bcher-kva.example\n"},
    {"To: a@\xff.X\n", NULL},
    {"To: bob@X <bob@X>\n", NULL},
    {"To: a\"b\"@X, c\n", NULL},
    {"junk\n\tmore\nTo: a", "junk\n\tmore\nTo: a@example.com"},
    {"To:\n bob\n", "To:\n bob@example.com\n"},
    {"To: a@B\x01, c\x02@D\n", NULL},
    {"To: a@b\x01@C, d\n", NULL},
};

static void test_canonical(void **state)
{
	struct rewrite rw = {.map = rewrite_canonical, .ctx = &canonical};
	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		struct str in = str_of(headers[i].in), out;
		assert_int_equal(rewrite_header(*state, in, &rw, &out), 0);
		if (!headers[i].want) {
			assert_ptr_equal(out.p, in.p);
			assert_int_equal(out.n, in.n);
			continue;
		}
		assert_string_equal(arena_strz(*state, out), headers[i].want);
		/* a second time nothing is left to do */
		struct str again;
		assert_int_equal(rewrite_header(*state, out, &rw, &again), 0);
		assert_ptr_equal(again.p, out.p);
	}
}

static void test_no_default(void **state)
{
	struct rewrite_canonical c = {0};
	struct rewrite rw = {.map = rewrite_canonical, .ctx = &c};
	struct str in = STR("To: bob, x@[192.0.2.1]\n"), out;
	assert_int_equal(rewrite_header(*state, in, &rw, &out), 0);
	assert_ptr_equal(out.p, in.p);
}

static void test_angles(void **state)
{
	struct rewrite rw = {.map = rewrite_canonical, .ctx = &canonical, .drop_angles = true};
	struct str out;
	assert_int_equal(
	    rewrite_header(*state, STR("To: <a@x>, B <b@x>, <@r:c@X> (C), <>, <d>\n"), &rw, &out),
	    0);
	assert_string_equal(
	    arena_strz(*state, out), "To: a@x, B <b@x>, c@x (C), <>, d@example.com\n");
}

static void test_long_lines(void **state)
{
	struct rewrite rw = {.map = rewrite_canonical, .ctx = &canonical};
	struct buf b;
	struct str out, line;
	buf_init(&b, 10000);
	buf_addz(&b, "To: first");
	for (int i = 0; i < 100; i++)
		buf_addf(&b, ", user%03d", i);
	buf_addz(&b, "\r\n");
	assert_int_equal(rewrite_header(*state, buf_str(&b), &rw, &out), 0);
	assert_true(str_starts(out, STR("To: first@example.com, user000@example.com,")));
	assert_true(str_ends(out, STR(" user099@example.com\r\n")));
	while (str_split(&out, '\n', &line))
		assert_true(line.n <= 78);
	buf_free(&b);
}

static void test_limits(void **state)
{
	struct rewrite rw = {.map = rewrite_canonical, .ctx = &canonical, .max_addresses = 2};
	struct str in = STR("To: a, b, c\n"), out;
	assert_int_equal(rewrite_header(*state, in, &rw, &out), 0);
	assert_ptr_equal(out.p, in.p);
	for (size_t max = 0; max < 4000; max += 50) {
		struct arena *a = arena_new(max);
		rw.max_addresses = 0;
		int got = rewrite_header(a, in, &rw, &out);
		assert_true(
		    got == -1 || str_is(out, "To: a@example.com, b@example.com, c@example.com\n"));
		arena_free(a);
	}
}

static void test_fields(void **state)
{
	static const struct rewrite_field rules[] = {
	    {"bcc", NULL}, {"Return-Path", "Old-Return-Path"}};
	struct str in = STR("To: a\nBcc: b,\n c\nRETURN-PATH : <x>\nbcc:\n\tq"), out;
	assert_int_equal(rewrite_fields(*state, in, rules, 2, &out), 0);
	assert_string_equal(arena_strz(*state, out), "To: a\nOld-Return-Path : <x>\n");
	in = STR("To: a\n");
	assert_int_equal(rewrite_fields(*state, in, rules, 2, &out), 0);
	assert_ptr_equal(out.p, in.p);
	assert_int_equal(rewrite_fields(*state, STR("Bcc: x\n"), rules, 2, &out), 0);
	assert_int_equal(out.n, 0);
}

static void test_facts(void **state)
{
	struct header_facts f;
	struct str h =
	    STR("Received: a\nReceived: b\nDelivered-To: u@Example.com\nDelivered-To:\n v@b\n"
		"Message-Id: <x@y>\nMESSAGE-ID: <z>\nFrom: \xc3\xa4\njunk\nCc: a\n"
		"Resent-To: q\nDelivered-To: bare\n");
	assert_int_equal(header_facts_read(*state, h, &f), 0);
	assert_int_equal(f.received, 2);
	assert_true(f.has_msgid && f.has_from && f.has_cc && f.has_resent && f.has_8bit);
	assert_false(f.has_date || f.has_to || f.has_bcc || f.has_sender || f.not_utf8 ||
		     f.has_return_path || f.has_mime_version);
	assert_int_equal(f.junk, 1);
	assert_int_equal(f.from_count, 1);
	assert_true(str_is(f.message_id, "x@y"));
	assert_int_equal(f.delivered_to_count, 3);
	assert_true(str_is(f.delivered_to[1], "v@b"));
	assert_true(header_facts_delivered_to(*state, &f, STR("u@EXAMPLE.COM")));
	assert_false(header_facts_delivered_to(*state, &f, STR("U@example.com")));
	assert_true(header_facts_delivered_to(*state, &f, STR("bare")));
	assert_false(header_facts_delivered_to(*state, &f, STR("v")));
	assert_int_equal(header_facts_read(*state, STR("A: \xff\n"), &f), 0);
	assert_true(f.not_utf8);
}

static void test_many_delivered_to(void **state)
{
	struct buf b;
	struct header_facts f;
	buf_init(&b, 1 << 20);
	for (int i = 0; i < 2000; i++)
		buf_addf(&b, "Delivered-To: u%d@x\n", i);
	assert_int_equal(header_facts_read(*state, buf_str(&b), &f), 0);
	assert_int_equal(f.delivered_to_count, HEADER_FACTS_DELIVERED_TO_MAX);
	for (size_t i = 0; i < f.delivered_to_count; i += 111)
		assert_string_equal(
		    arena_strz(*state, f.delivered_to[i]), arena_printf(*state, "u%zu@x", i));
	buf_free(&b);
}

static void test_missing(void **state)
{
	struct header_facts f = {0};
	struct header_defaults d = {.date = STR("D"),
	    .message_id = STR("i@d"),
	    .from = STR("me@x"),
	    .to = true,
	    .eol = "\n"};
	struct buf b;
	buf_init(&b, 1000);
	assert_true(header_add_missing(&b, &f, &d));
	assert_string_equal(
	    b.p, "From: me@x\nTo: undisclosed-recipients: ;\nDate: D\nMessage-ID: <i@d>\n");
	buf_clear(&b);
	f.has_date = f.has_msgid = f.has_from = f.has_recipient = true;
	assert_true(header_add_missing(&b, &f, &d));
	assert_string_equal(b.p, "");
	f = (struct header_facts){0};
	d = (struct header_defaults){.eol = "\n"};
	assert_true(header_add_missing(&b, &f, &d));
	assert_string_equal(b.p, "");
	buf_free(&b);
}

static const char *recipients(struct arena *a, const char *header)
{
	struct mailaddr_list l;
	struct buf b;
	buf_init(&b, 1000);
	assert_int_equal(header_recipients(a, str_of(header), 10, &l), 0);
	for (const struct mailaddr *m = l.first; m; m = m->next)
		if (m->kind == MAILADDR_MAILBOX)
			buf_addf(&b, "%.*s ", STR_FMT(m->local));
	if (l.limit)
		buf_addz(&b, "limit");
	const char *z = arena_strz(a, buf_str(&b));
	buf_free(&b);
	return z;
}

static void test_recipients(void **state)
{
	struct arena *a = *state;
	assert_string_equal(
	    recipients(a, "To: a, g: b;\nFrom: f\nCc: c\nBCC: d\nTo: e\n"), "a b c d e ");
	assert_string_equal(recipients(a, "Resent-To: a\nResent-From: x\nTo: b\n"), "a ");
	assert_string_equal(
	    recipients(a, "Resent-From: x\nResent-Cc: a\nResent-Bcc: b\nReceived: r\n"
			  "Resent-To: c\nTo: d\n"),
	    "a b ");
	assert_string_equal(
	    recipients(a, "Resent-From: x\nResent-To: a\nResent-From: y\nResent-Cc: b\n"), "a ");
	assert_string_equal(recipients(a, "Subject: x\n"), "");
	assert_string_equal(
	    recipients(a, "To: 1,2,3,4,5,6\nCc: 7,8,9,10,11,12\n"), "1 2 3 4 5 6 7 8 9 10 limit");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_canonical, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_no_default, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_angles, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_long_lines, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_fields, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_facts, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_many_delivered_to, setup, teardown),
	    cmocka_unit_test(test_missing),
	    cmocka_unit_test_setup_teardown(test_recipients, setup, teardown),
	};
	return cmocka_run_group_tests_name("rewrite", tests, NULL, NULL);
}
