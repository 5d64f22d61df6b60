/* submit: the pure decisions, as tables of facts and what must follow from them. */
#include "config.h"

#include "mime/mime.h"
#include "access/access.h"
#include "submit/decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct names *make_names(struct names *n)
{
	*n = (struct names){.me = STR("mx.example.org"), .defaultdomain = STR("example.com")};
	n->locals = domains_new(
	    STR("mx.example.org\nlocalhost\n# comment\n!not.local.dom\n.local.dom\n"), n->me);
	n->hosted = domains_new(STR("example.com\nalias.net\texample.com\n"), n->me);
	n->accept = domains_new(STR("backup.org\n*.sub\n"), n->me);
	n->separators[0] = '+';
	return n;
}

static void free_names(struct names *n)
{
	domains_free(n->locals);
	domains_free(n->hosted);
	domains_free(n->accept);
}

static void test_domains(void **state)
{
	static const struct {
		const char *domain;
		int in;
	} cases[] = {{"mx.example.org", 1}, {"localhost", 1}, {"x.local.dom", 1},
	    {"a.b.local.dom", 1}, {"local.dom", 0}, {"not.local.dom", 0}, {"# comment", 0}, {"", 0},
	    {"example.org", 0}};
	struct names n;
	struct domain_match m;
	(void)state;
	make_names(&n);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (domains_match(n.locals, str_of(cases[i].domain), NULL) != cases[i].in)
			fail_msg("%s", cases[i].domain);
	assert_int_equal(domains_match(n.hosted, STR("alias.net"), &m), 1);
	assert_true(str_is(m.target, "example.com"));
	assert_int_equal(domains_match(n.accept, STR("mx.example.org.sub"), &m), 1);
	assert_int_equal(m.target.n, 0);
	free_names(&n);
}

static void test_canonical(void **state)
{
	static const struct {
		const char *in;
		unsigned flags;
		enum address_error error;
		enum address_kind kind;
		const char *text, *at;
	} cases[] = {
	    {"alice@EXAMPLE.com", 0, ADDRESS_OK, ADDRESS_HOSTED, "alice@example.com",
		"example.com"},
	    {"alice@alias.net", 0, ADDRESS_OK, ADDRESS_HOSTED, "alice@alias.net", "example.com"},
	    {"alice", ADDRESS_BARE, ADDRESS_OK, ADDRESS_HOSTED, "alice@example.com", "example.com"},
	    {"alice", 0, ADDRESS_NO_DOMAIN, 0, NULL, NULL},
	    {"PostMaster", 0, ADDRESS_OK, ADDRESS_HOSTED, "postmaster@example.com", "example.com"},
	    {"root@localhost", 0, ADDRESS_OK, ADDRESS_LOCAL, "root@localhost", ""},
	    {"a@far.example", 0, ADDRESS_OK, ADDRESS_REMOTE, "a@far.example", ""},
	    {"a@[192.0.2.7]", 0, ADDRESS_OK, ADDRESS_HOSTED, "a@example.com", "example.com"},
	    {"a@[192.0.2.8]", 0, ADDRESS_OK, ADDRESS_REMOTE, "a@[192.0.2.8]", ""},
	    {"\".xalias/x\"@localhost", 0, ADDRESS_OK, ADDRESS_LOCAL, "\".xalias/x\"@localhost",
		""},
	    {"@x", 0, ADDRESS_SYNTAX, 0, NULL, NULL},
	    {"a@b c", 0, ADDRESS_SYNTAX, 0, NULL, NULL},
	    {"", 0, ADDRESS_SYNTAX, 0, NULL, NULL},
	    {"a\n@x.y", 0, ADDRESS_SYNTAX, 0, NULL, NULL},
	    {"\xc3\xa9@x.y", 0, ADDRESS_NEEDS_UTF8, 0, NULL, NULL},
	    {"\xc3\xa9@x.y", ADDRESS_UTF8, ADDRESS_OK, ADDRESS_REMOTE, "\xc3\xa9@x.y", ""},
	};
	struct names n;
	struct arena *a = arena_new(65536);
	(void)state;
	make_names(&n);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct address out = {0};
		enum address_error e = address_canonical(
		    &n, a, str_of(cases[i].in), STR("192.0.2.7"), cases[i].flags, &out);
		if (e != cases[i].error ||
		    (e == ADDRESS_OK &&
			(out.kind != cases[i].kind || !str_is(out.text, cases[i].text) ||
			    !str_is(out.at, cases[i].at))))
			fail_msg("<%s>: error %d, kind %d, %.*s, at %.*s", cases[i].in, e, out.kind,
			    STR_FMT(out.text), STR_FMT(out.at));
	}
	arena_free(a);
	free_names(&n);
}

/* The address that the client has called, in whatever form. */
static void test_own_address(void **state)
{
	static const struct {
		const char *in, *local_ip, *text;
	} cases[] = {
	    {"a@[IPv6:2001:db8::7]", "2001:db8::7", "a@example.com"},
	    {"a@[ipv6:2001:DB8:0:0:0::7]", "2001:db8::7", "a@example.com"},
	    {"a@[IPv6:2001:db8::8]", "2001:db8::7", "a@[IPv6:2001:db8::8]"},
	    {"a@[192.0.2.7]", "2001:db8::7", "a@[192.0.2.7]"},
	    {"a@[IPv6:2001:db8::7]", "192.0.2.7", "a@[IPv6:2001:db8::7]"},
	};
	struct names n;
	struct arena *a = arena_new(65536);
	make_names(&n);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct address out = {0};
		assert_int_equal(address_canonical(&n, a, str_of(cases[i].in),
				     str_of(cases[i].local_ip), 0, &out),
		    ADDRESS_OK);
		if (!str_iis(out.text, cases[i].text))
			fail_msg("<%s>: %.*s", cases[i].in, STR_FMT(out.text));
	}
	arena_free(a);
	free_names(&n);
}

static void test_tries(void **state)
{
	static const char *const want[][2] = {{"a-b+c@example.com", ""}, {"a-b@example.com", "c"},
	    {"a@example.com", "b+c"}, {"alias@example.com", "a-b+c"}};
	struct names n;
	struct address addr;
	struct address_try t;
	struct arena *a = arena_new(65536);
	unsigned at = 0, i = 0;
	(void)state;
	make_names(&n);
	assert_int_equal(
	    address_canonical(&n, a, STR("a-b+c@example.com"), STR_NONE, 0, &addr), ADDRESS_OK);
	while (address_next_try(&n, a, &addr, &at, &t)) {
		assert_true(i < ARRAY_LEN(want));
		assert_true(str_is(t.account, want[i][0]));
		assert_true(str_is(t.ext, want[i][1]));
		i++;
	}
	assert_int_equal(i, ARRAY_LEN(want));
	/* A separator in front is part of the name; a hundred of them are not a hundred look-ups.
	 */
	assert_int_equal(
	    address_canonical(&n, a, STR("-x------------------@localhost"), STR_NONE, 0, &addr),
	    ADDRESS_OK);
	for (at = i = 0; address_next_try(&n, a, &addr, &at, &t); i++)
		assert_true(t.account.n > 0);
	assert_int_equal(i, ADDRESS_SPLITS_MAX);
	arena_free(a);
	free_names(&n);
}

static void test_rcpt(void **state)
{
	static const struct {
		struct rcpt_facts f;
		enum reply_id want;
	} cases[] = {
	    {{.accepted = 1}, REPLY_RCPT_OK},
	    {{.accepted = 0}, REPLY_NO_RELAY},
	    {{.accepted = 0, .relay = true}, REPLY_RCPT_OK},
	    {{.accepted = 0, .is_alias = true}, REPLY_RCPT_OK},
	    {{.accepted = -1}, REPLY_TABLE_DOWN},
	    {{.accepted = 1, .rcpts = 100, .max_rcpts = 100}, REPLY_TOO_MANY},
	    {{.accepted = 1, .rcpts = 100}, REPLY_RCPT_OK},
	    {{.address = ADDRESS_SYNTAX, .relay = true}, REPLY_RCPT_SYNTAX},
	    {{.address = ADDRESS_NO_DOMAIN}, REPLY_RCPT_DOMAIN},
	    {{.address = ADDRESS_TEMPORARY}, REPLY_TABLE_DOWN},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (decide_rcpt(&cases[i].f) != cases[i].want)
			fail_msg("case %zu: %d", i, decide_rcpt(&cases[i].f));
	assert_int_equal(reply(REPLY_NO_RELAY).code, 513);
	for (int i = 0; i < REPLIES; i++)
		if (reply(i).code < 250 || !reply(i).enhanced.n ||
		    reply(i).enhanced.p[0] != '0' + reply(i).code / 100)
			fail_msg("reply %d", i);
}

static void test_mail_and_local(void **state)
{
	struct mail_facts ok = {.ids = true};
	struct mail_facts f = ok;
	(void)state;
	assert_int_equal(decide_mail(&f), REPLY_SENDER_OK);
	f.size = 11;
	f.size_limit = 10;
	assert_int_equal(decide_mail(&f), REPLY_TOO_LARGE);
	f = ok;
	f.disk_full = true;
	assert_int_equal(decide_mail(&f), REPLY_DISK_FULL);
	f = ok;
	f.ids = false;
	assert_int_equal(decide_mail(&f), REPLY_QUEUE_DOWN);
	f = ok;
	f.sender = ADDRESS_SYNTAX;
	assert_int_equal(decide_mail(&f), REPLY_SENDER_SYNTAX);
	f.null_sender = true;
	assert_int_equal(decide_mail(&f), REPLY_SENDER_OK);

	assert_int_equal(decide_local(LOOKUP_NONE, true), REPLY_UNKNOWN_USER);
	assert_int_equal(decide_local(LOOKUP_NONE, false), REPLY_RCPT_OK);
	assert_int_equal(decide_local(LOOKUP_AUTH_DOWN, true), REPLY_AUTH_DOWN);
	assert_int_equal(decide_local(LOOKUP_FOUND, true), REPLY_RCPT_OK);
	assert_int_equal(decide_track('F'), REPLY_HAS_FAILED);
	assert_int_equal(reply(decide_track('F')).code, 556);
	assert_int_equal(reply(decide_track('D')).code, 456);
	assert_int_equal(decide_track(0), REPLY_RCPT_OK);
}

static void test_message(void **state)
{
	static const struct {
		struct message_facts f;
		enum reply_id want;
		bool marked;
	} cases[] = {
	    {{.faults = MIME_FAULT_BODY_8BIT}, REPLY_OK, false},
	    {{.faults = MIME_FAULT_HEADER_8BIT}, REPLY_HEADER_8BIT, false},
	    {{.faults = MIME_FAULT_HEADER_8BIT, .header8 = CHECK_ACCEPT}, REPLY_OK, false},
	    {{.faults = MIME_FAULT_HEADER_8BIT, .header8 = CHECK_MARK}, REPLY_OK, true},
	    {{.faults = MIME_FAULT_HEADER_8BIT, .smtputf8 = true}, REPLY_OK, false},
	    {{.faults = MIME_FAULT_HEADER_8BIT | MIME_FAULT_HEADER_NOT_UTF8, .smtputf8 = true},
		REPLY_HEADER_8BIT, false},
	    {{.faults = MIME_FAULT_UNDECLARED_8BIT}, REPLY_BODY_8BIT, false},
	    {{.faults = MIME_FAULT_UNDECLARED_8BIT, .exempt = true}, REPLY_OK, false},
	    {{.faults = MIME_FAULT_NO_BOUNDARY}, REPLY_BAD_MIME, false},
	    {{.faults = MIME_FAULT_UNCLOSED}, REPLY_OK, false},
	    {{.junk_header = true}, REPLY_BAD_MIME, false},
	    {{.faults = MIME_FAULT_DEPTH, .mime = CHECK_ACCEPT}, REPLY_COMPLEX, false},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool marked;
		enum reply_id got = decide_message(&cases[i].f, &marked);
		if (got != cases[i].want || (got == REPLY_OK && marked != cases[i].marked))
			fail_msg("case %zu: %d %d", i, got, marked);
	}
}

/* ---- smtpaccess ------------------------------------------------------------------------------ */

static void test_access(void **state)
{
	static const char text[] = "# comment\n"
				   "127.0.0.1\tallow,RELAYCLIENT\n"
				   "10\tallow,RELAYCLIENT\n"
				   "10.1\tdeny\n"
				   "10.1.2.0/25\tallow,SIZELIMIT=5,BLOCK=\"550 go, away\"\n"
				   "192.0.2.10-192.0.2.12\tdeny\n"
				   ":0000:0000:0000:0000:0000:0000:0000:0001\tallow,RELAYCLIENT\n"
				   ":2001:0db8\tdeny\n"
				   "2001:db8:1::/48\tallow\n"
				   "nonsense\tallow\n"
				   "1.2.3.4\tperhaps\n"
				   "1.2.3.4.5\tdeny\n";
	static const struct {
		const char *ip, *action;
	} cases[] = {
	    {"127.0.0.1", "allow,RELAYCLIENT"},
	    {"::ffff:127.0.0.1", "allow,RELAYCLIENT"},
	    {"127.0.0.2", NULL},
	    {"10.9.9.9", "allow,RELAYCLIENT"},
	    {"10.1.9.9", "deny"},
	    {"10.1.2.127", "allow,SIZELIMIT=5,BLOCK=\"550 go, away\""},
	    {"10.1.2.128", "deny"},
	    {"192.0.2.9", NULL},
	    {"192.0.2.10", "deny"},
	    {"192.0.2.12", "deny"},
	    {"192.0.2.13", NULL},
	    {"::1", "allow,RELAYCLIENT"},
	    {"2001:db8::5", "deny"},
	    {"2001:db8:1:2::5", "allow"},
	    {"2001:db9::5", NULL},
	};
	struct access *a = access_new(str_of(text), NULL);
	struct access_addr addr;
	struct str action;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_true(access_addr_parse(str_of(cases[i].ip), &addr));
		int got = access_lookup(&addr, access_get, a, &action);
		if (got != (cases[i].action != NULL) || (got && !str_is(action, cases[i].action)))
			fail_msg("%s: %d %.*s", cases[i].ip, got, STR_FMT(action));
	}
	access_free(a);
	assert_false(access_addr_parse(STR("127.0.0"), &addr));
	assert_false(access_addr_parse(STR(""), &addr));
}

static void test_action(void **state)
{
	struct buf env;
	struct str v;
	bool deny;
	(void)state;
	buf_init(&env, 1000);
	assert_true(access_action_parse(STR("allow,RELAYCLIENT,A=b,C=\"d, e\""), &env, &deny));
	assert_false(deny);
	assert_string_equal(env.p, "RELAYCLIENT=\nA=b\nC=d, e\n");
	assert_true(access_env(buf_str(&env), "RELAYCLIENT", &v) && v.n == 0);
	assert_true(access_env(buf_str(&env), "C", &v) && str_is(v, "d, e"));
	assert_false(access_env(buf_str(&env), "RELAY", &v));
	assert_true(access_action_parse(STR("deny"), &env, &deny) && deny);
	assert_false(access_action_parse(STR("allowed"), &env, &deny));
	assert_false(access_action_parse(STR("allow,=x"), &env, &deny));
	assert_false(access_action_parse(STR("allow,A=\"x"), &env, &deny));
	buf_free(&env);
}

static void test_disk(void **state)
{
	struct disk_need d;
	(void)state;
	/* MTA-0204 */
	assert_true(disk_need_parse(STR("500 20 131072"), &d));
	assert_int_equal(d.blocks, 500);
	assert_int_equal(d.step, 131072);
	assert_false(disk_need_parse(STR("500 20"), &d));
	assert_false(disk_need_parse(STR("500 20 0"), &d));
	assert_false(disk_need_parse(STR("1 2 3 4"), &d));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_domains),
	    cmocka_unit_test(test_canonical),
	    cmocka_unit_test(test_own_address),
	    cmocka_unit_test(test_tries),
	    cmocka_unit_test(test_rcpt),
	    cmocka_unit_test(test_mail_and_local),
	    cmocka_unit_test(test_message),
	    cmocka_unit_test(test_access),
	    cmocka_unit_test(test_action),
	    cmocka_unit_test(test_disk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
