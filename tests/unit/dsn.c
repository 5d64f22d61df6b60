/* dsn: the history's text, and the report made from it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>
#include "dsn/compose.h"
#include "gate/gate.h"

/* ---- NOTIFY ---------------------------------------------------------------------------------- */

static void notify(void **state UNUSED)
{
	static const struct {
		uint8_t notify;
		bool failed, delayed, good;
	} rows[] = {
	    {GATE_NOTIFY_DEFAULT, true, true, false},
	    {GATE_NOTIFY_NEVER, false, false, false},
	    {GATE_NOTIFY_FAILURE, true, false, false},
	    {GATE_NOTIFY_DELAY, false, true, false},
	    {GATE_NOTIFY_SUCCESS, false, false, true},
	    {GATE_NOTIFY_SUCCESS | GATE_NOTIFY_FAILURE, true, false, true},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(dsn_wanted(rows[i].notify, DSN_FAILED), rows[i].failed);
		assert_int_equal(dsn_wanted(rows[i].notify, DSN_DELAYED), rows[i].delayed);
		assert_int_equal(dsn_wanted(rows[i].notify, DSN_DELIVERED), rows[i].good);
		assert_int_equal(dsn_wanted(rows[i].notify, DSN_RELAYED), rows[i].good);
		assert_int_equal(dsn_wanted(rows[i].notify, DSN_EXPANDED), rows[i].good);
	}
}

/* ---- history --------------------------------------------------------------------------------- */

static const struct dsn_recipient failed = {
    .num = 3,
    .address = STR_INIT("bob@example.org"),
    .orcpt = STR_INIT("rfc822;Bob@Example.ORG"),
    .action = DSN_FAILED,
    .status = STR_INIT("5.1.1"),
    .code = 550,
    .remote = STR_INIT("mx.example.org [192.0.2.1]"),
    .command = STR_INIT("RCPT TO:<bob@example.org>"),
    .diagnostic = STR_INIT("5.1.1 no\n5.1.1 such\tuser"),
    .last_attempt = 1700000000,
};
static const struct dsn_recipient delayed = {
    .num = 4,
    .address = STR_INIT("ann@example.net"),
    .action = DSN_DELAYED,
    .diagnostic = STR_INIT("Connection refused"),
    .remote = STR_INIT("mx.example.net [192.0.2.2]"),
    .network_error = true,
    .retry_until = 1700600000,
};

static void history_text(void **state UNUSED)
{
	struct arena *a = arena_new(1 << 20);
	struct dsn_history h;
	struct buf text;
	buf_init(&text, DSN_HISTORY_MAX);
	dsn_history_head(&text, 7, STR("dns; helo (host [192.0.2.9])"));
	dsn_history_add(&text, &failed);
	dsn_history_add(&text, &delayed);
	dsn_history_end(&text);
	assert_int_equal(dsn_history_read(a, buf_str(&text), &h), 0);
	assert_int_equal(h.round, 7);
	assert_true(str_is(h.from_mta, "dns; helo (host [192.0.2.9])"));
	assert_int_equal(h.n, 2);
	const struct dsn_recipient *r = h.recipients;
	assert_int_equal(r->num, 3);
	assert_int_equal(r->code, 550);
	assert_int_equal(r->last_attempt, 1700000000);
	assert_false(r->network_error);
	assert_true(str_eq(r->diagnostic, failed.diagnostic));
	assert_true(str_eq(r->command, failed.command));
	assert_true(str_eq(r->orcpt, failed.orcpt));
	assert_int_equal(r[1].action, DSN_DELAYED);
	assert_true(r[1].network_error);
	assert_int_equal(r[1].retry_until, 1700600000);
	/* what was cut off is not believed */
	for (size_t n = 0; n + 1 < text.n; n++)
		assert_int_equal(dsn_history_read(a, str_at(text.p, n), &h), -1);
	buf_free(&text);
	arena_free(a);
}

static void history_faults(void **state UNUSED)
{
	static const char *const bad[] = {
	    "",
	    "end\n",
	    "dsn-history\t1\nround\t1\nend\n", /* nobody */
	    "dsn-history\t2\nround\t1\nrecipient\t0\nend\n",
	    "dsn-history\t1\nrecipient\t0\nend\n",           /* no round */
	    "dsn-history\t1\nround\t1\nrecipient\tx\nend\n", /* no number */
	    "dsn-history\t1\nround\t1\nrecipient\t0\naction\tlost\nend\n",
	    "dsn-history\t1\nround\t1\nrecipient\t0\nwhatever\t1\nend\n",
	    "dsn-history\t1\nround\t1\nrecipient\t0\naddress\ta\\qb\nend\n",
	    "dsn-history\t1\nround\t1\nrecipient\t0\nend\nmore\n",
	};
	struct arena *a = arena_new(1 << 20);
	struct dsn_history h;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (!dsn_history_read(a, str_of(bad[i]), &h))
			fail_msg("was read: '%s'", bad[i]);
	arena_free(a);
}

/* ---- the report ------------------------------------------------------------------------------ */

static const struct dsn_templates templates = {
    .header = STR_INIT("Content-Type: text/plain; charset=utf-8\n\n"
		       "From [#ME#], about [#FROMMTA#].\n"),
    .failed = STR_INIT("FAILED:\n"),
    .delayed = STR_INIT("DELAYED:\n"),
    .relayed = STR_INIT("RELAYED:\n"),
    .delivered = STR_INIT("DELIVERED:\n"),
    .footer = STR_INIT("footer\n"),
    .subject_notice = STR_INIT("notice\n"),
    .subject_warn = STR_INIT("warning\n"),
};

struct made {
	struct buf text;
	struct dsn_facts facts;
	int result;
};

static struct made make(struct dsn_recipient *r, size_t n, const char *original, bool full)
{
	struct made m;
	struct dsn_history h = {.round = 1, .from_mta = STR("dns; helo"), .recipients = r, .n = n};
	struct dsn_report in = {.templates = &templates,
	    .history = &h,
	    .me = STR("me.example"),
	    .to = STR("alice@example.com"),
	    .envid = STR("QQ314159"),
	    .arrived = 1700000000,
	    .by = 1700000600,
	    .release = 1700000100,
	    .now = 1700000100,
	    .message_id = STR("x@me.example"),
	    .boundary = STR("BOUNDARY"),
	    .original = str_of(original),
	    .full = full};
	buf_init(&m.text, DSN_REPORT_MAX);
	m.result = dsn_compose(&in, &m.text, &m.facts);
	return m;
}

static void has(const struct made *m, const char *what)
{
	if (str_find(buf_str(&m->text), str_of(what)) < 0)
		fail_msg("'%s' is not in:\n%s", what, m->text.p);
}

static void has_not(const struct made *m, const char *what)
{
	if (str_find(buf_str(&m->text), str_of(what)) >= 0)
		fail_msg("'%s' is in:\n%s", what, m->text.p);
}

static void report_of_failure(void **state UNUSED)
{
	struct dsn_recipient r[] = {failed, delayed};
	struct made m = make(r, 2, "Subject: hi\nTo: bob\n\nbody\n", true);
	assert_int_equal(m.result, 0);
	assert_false(m.facts.utf8);
	assert_false(m.facts.body8);
	has(&m, "From: \"Courier mail server at me.example\" <postmaster@me.example>\n"
		"To: <alice@example.com>\nSubject: notice\n");
	has(&m, "Content-Type: multipart/report; report-type=delivery-status;\n"
		"    boundary=\"=_courier_BOUNDARY\"\n");
	has(&m, "\nFrom me.example, about helo.\n");
	has(&m, "FAILED:\n\n<Bob@Example.ORG>:\n mx.example.org [192.0.2.1]:\n"
		" >>> RCPT TO:<bob@example.org>\n"
		" <<< 550-5.1.1 no\n <<< 550 5.1.1 such user\n");
	has(&m, "DELAYED:\n\n<ann@example.net>:\n mx.example.net [192.0.2.2]:\n"
		" Connection refused\n");
	has(&m, "Content-Type: message/delivery-status\n");
	has(&m, "Reporting-MTA: dns; me.example\nArrival-Date: ");
	has(&m, "\nDeliver-By-Date: Tue, 14 Nov 2023 ");
	has(&m, "\nFuture-Release-Request: until;2023-11-14T22:15:00Z\n");
	has(&m, "Original-Envelope-Id: QQ314159\nReceived-From-MTA: dns; helo\n\n"
		"Original-Recipient: rfc822;Bob@Example.ORG\n"
		"Final-Recipient: rfc822; bob@example.org\n"
		"Action: failed\nStatus: 5.1.1\n"
		"Remote-MTA: dns; mx.example.org [192.0.2.1]\n"
		"Diagnostic-Code: smtp; 550-5.1.1 no\n    550 5.1.1 such user\n"
		"Last-Attempt-Date: ");
	has(&m, "Final-Recipient: rfc822; ann@example.net\nAction: delayed\nStatus: 4.0.0\n"
		"Remote-MTA: dns; mx.example.net [192.0.2.2]\n"
		"X-Network-Error: Connection refused\nWill-Retry-Until: ");
	has(&m, "Content-Type: message/rfc822\nContent-Transfer-Encoding: 7bit\n\n"
		"Subject: hi\nTo: bob\n\nbody\n\n--=_courier_BOUNDARY--\n");
	buf_free(&m.text);
	/* the codes may stand in the text, as records of replies have them */
	r[0].diagnostic = STR("550-5.1.1 no\n550 5.1.1 such user");
	m = make(r, 1, "Subject: hi\n\nbody\n", true);
	has(&m, " <<< 550-5.1.1 no\n <<< 550 5.1.1 such user\n");
	has(&m, "Diagnostic-Code: smtp; 550-5.1.1 no\n    550 5.1.1 such user\n");
	buf_free(&m.text);
}

/* MTA-0113 */
static void from_line(void **state UNUSED)
{
	static const char *const rows[][2] = {
	    {"mailer-daemon@", "From: mailer-daemon@me.example\n"},
	    {"\"Mail\" <x@>", "From: \"Mail\" <x@me.example>\n"},
	    {"\"Mail\" <x@y.example>", "From: \"Mail\" <x@y.example>\n"},
	    {"<@>", "From: <postmaster@me.example>\n"},
	    {"a\nBcc: b", "From: a Bcc: b\n"},
	};
	struct dsn_history h = {.round = 1};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct dsn_report in = {.templates = &templates,
		    .history = &h,
		    .me = STR("me.example"),
		    .from = str_of(rows[i][0]),
		    .boundary = STR("B"),
		    .message_id = STR("x")};
		struct made m = {.result = 0};
		buf_init(&m.text, DSN_REPORT_MAX);
		dsn_compose(&in, &m.text, &m.facts);
		has(&m, rows[i][1]);
		buf_free(&m.text);
	}
}

static void report_of_delay(void **state UNUSED)
{
	struct dsn_recipient r[] = {delayed};
	struct made m = make(r, 1, "Subject: hi\n\nbody\n", false);
	assert_int_equal(m.result, 0);
	has(&m, "Subject: warning\n");
	has_not(&m, "FAILED:");
	has_not(&m, "body");
	has(&m, "Content-Type: text/rfc822-headers\nContent-Transfer-Encoding: 7bit\n\n"
		"Subject: hi\n\n--=_courier_BOUNDARY--\n");
	buf_free(&m.text);
}

static void report_of_success(void **state UNUSED)
{
	struct dsn_recipient r[] = {{.address = STR("a@b.example"), .action = DSN_DELIVERED},
	    {.address = STR("c@d.example"), .action = DSN_RELAYED, .status = STR("5.1.1")}};
	struct made m = make(r, 2, "Subject: hi\n\nbody\n", false);
	has(&m, "RELAYED:\n\n<c@d.example>:\n");
	has(&m, "DELIVERED:\n\n<a@b.example>:\n");
	/* a status of another class is not believed */
	has(&m, "Action: relayed\nStatus: 2.0.0\n");
	has(&m, "Action: delivered\nStatus: 2.0.0\n");
	buf_free(&m.text);
}

static void report_in_utf8(void **state UNUSED)
{
	struct dsn_recipient r[] = {failed};
	r[0].address = STR("b\303\266b@example.org");
	r[0].orcpt = STR_NONE;
	struct made m = make(r, 1, "Subject: h\303\274\n\nbody\n", true);
	assert_true(m.facts.utf8);
	assert_true(m.facts.body8);
	has(&m, "Content-Type: message/global-delivery-status\nContent-Transfer-Encoding: 8bit\n");
	has(&m, "Final-Recipient: utf-8; b\303\266b@example.org\n");
	has(&m, "Content-Type: message/global\nContent-Transfer-Encoding: 8bit\n");
	buf_free(&m.text);
	/* ASCII addresses: a peer's UTF-8 does not make the report one that few can read */
	r[0] = failed;
	r[0].diagnostic = STR("n\303\266");
	m = make(r, 1, "Subject: h\374\n\nbody\n", false);
	assert_false(m.facts.utf8);
	assert_true(m.facts.body8);
	has(&m, "Content-Type: message/delivery-status\nContent-Transfer-Encoding: 7bit\n");
	has(&m, "Diagnostic-Code: smtp; 550 n??\n");
	has(&m, " <<< 550 n\303\266\n");
	has(&m, "Content-Type: text/rfc822-headers\nContent-Transfer-Encoding: 8bit\n");
	buf_free(&m.text);
}

/* V4, V19: nothing that came from outside gets a line of its own. */
static void report_of_hostile_text(void **state UNUSED)
{
	struct dsn_recipient r[] = {failed};
	r[0].address = STR("a\r\nBcc: x@y\n\n--=_courier_BOUNDARY--\n@example.org");
	r[0].remote = STR("evil\nAction: delivered");
	r[0].command = STR("RCPT\r\nX: y");
	r[0].diagnostic = STR("a\n\n--=_courier_BOUNDARY--\r\nb\0c\033[2J");
	r[0].status = STR("5.1.1\nX");
	struct made m = make(r, 1, "Subject: hi\n\nbody\n", true);
	assert_int_equal(m.result, 0);
	has_not(&m, "\nBcc:");
	has_not(&m, "\nAction: delivered");
	has_not(&m, "\nX: y");
	has_not(&m, "\033");
	has_not(&m, "\r");
	assert_null(memchr(m.text.p, 0, m.text.n));
	assert_int_equal(str_find(buf_str(&m.text), STR("\n--=_courier_BOUNDARY--\n")) + 24,
	    (ptrdiff_t)m.text.n);
	buf_free(&m.text);
	m = make(r, 1, "Subject: BOUNDARY\n\nbody\n", true);
	assert_int_equal(m.result, -1);
	buf_free(&m.text);
}

static void what_is_returned(void **state UNUSED)
{
	struct dsn_recipient f[] = {failed}, d[] = {delayed};
	struct dsn_history bad = {.recipients = f, .n = 1}, late = {.recipients = d, .n = 1};
	assert_true(dsn_return_full(&bad, 0, 100, 100));
	assert_true(dsn_return_full(&bad, 'F', 100, 100));
	assert_false(dsn_return_full(&bad, 'F', 101, 100));
	assert_false(dsn_return_full(&bad, 'H', 10, 100));
	assert_false(dsn_return_full(&late, 'F', 10, 100));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(notify),
	    cmocka_unit_test(history_text),
	    cmocka_unit_test(history_faults),
	    cmocka_unit_test(report_of_failure),
	    cmocka_unit_test(from_line),
	    cmocka_unit_test(report_of_delay),
	    cmocka_unit_test(report_of_success),
	    cmocka_unit_test(report_in_utf8),
	    cmocka_unit_test(report_of_hostile_text),
	    cmocka_unit_test(what_is_returned),
	};
	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
