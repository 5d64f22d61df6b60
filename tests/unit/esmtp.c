/* esmtp: replies, routes, credentials. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "esmtp/authclient.h"
#include "esmtp/connect.h"
#include "esmtp/convert.h"
#include "esmtp/tls-need.h"
#include "smtp/reply-read.h"
#include "smtp/routes.h"

/* ---- replies --------------------------------------------------------------------------------- */

static enum reply_state feed(struct reply *r, const char *text)
{
	size_t used;
	return reply_feed(r, str_of(text), &used);
}

static void reply_lines(void **state UNUSED)
{
	struct reply r;
	reply_init(&r);
	assert_int_equal(feed(&r, "250-mx.example\r\n250-SIZE 100\r\n250 DSN\r\n"), REPLY_READY);
	assert_int_equal(r.code, 250);
	assert_int_equal(r.lines, 3);
	assert_string_equal(r.text.p, "mx.example\nSIZE 100\nDSN");
	/* the next one begins anew; a bare LF is heard too, and so is a code alone */
	assert_int_equal(feed(&r, "354\n"), REPLY_READY);
	assert_int_equal(r.code, 354);
	assert_string_equal(r.text.p, "");
	reply_free(&r);
}

static void reply_pieces(void **state UNUSED)
{
	static const char text[] = "550-5.1.1 first\r\n550 5.1.1 second\r\n250 next\r\n";
	for (size_t cut = 0; cut < 35; cut++) {
		struct reply r;
		size_t used;
		reply_init(&r);
		enum reply_state st = reply_feed(&r, str_at(text, cut), &used);
		if (st == REPLY_MORE) {
			struct str rest = str_at(text + used, sizeof text - 1 - used);
			st = reply_feed(&r, rest, &used);
		}
		assert_int_equal(st, REPLY_READY);
		assert_int_equal(r.code, 550);
		assert_string_equal(r.text.p, "5.1.1 first\n5.1.1 second");
		reply_free(&r);
	}
}

static void reply_broken(void **state UNUSED)
{
	static const char *const bad[] = {"hello\r\n", "25 x\r\n", "250-a\r\n550 b\r\n",
	    "250-a\r\nb\r\n", "\r\n", "2500 x\r\n", "099 x\r\n"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct reply r;
		reply_init(&r);
		if (feed(&r, bad[i]) != REPLY_BROKEN)
			fail_msg("'%s' was read", bad[i]);
		reply_free(&r);
	}
}

static void reply_results(void **state UNUSED)
{
	struct reply r;
	struct buf text;
	uint16_t code = 0;
	reply_init(&r);
	buf_init(&text, REPLY_TEXT_MAX);
	assert_int_equal(feed(&r, "558-550-5.7.1 alice:\r\n558-550 5.7.1 no\r\n558-250 2.0.0 Ok\r\n"
				  "558 450 4.7.1 wait\r\n"),
	    REPLY_READY);
	struct str rest = buf_str(&r.text);
	assert_true(reply_inner(&rest, &code, &text));
	assert_int_equal(code, 550);
	assert_string_equal(text.p, "5.7.1 alice:\n5.7.1 no");
	assert_true(reply_inner(&rest, &code, &text));
	assert_int_equal(code, 250);
	assert_true(reply_inner(&rest, &code, &text));
	assert_int_equal(code, 450);
	assert_false(reply_inner(&rest, &code, &text));
	static const char *const bad[] = {"", "hello", "550-half", "550-a\n450 b", "250x"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		rest = str_of(bad[i]);
		if (reply_inner(&rest, &code, &text))
			fail_msg("'%s' was read", bad[i]);
	}
	/* every line of it is kept, however many recipients there are */
	for (int i = 0; i < 900; i++)
		assert_int_equal(
		    feed(&r, "558-250 2.0.0 Ok, as long as a line of a reply is\r\n"), REPLY_MORE);
	assert_int_equal(feed(&r, "558 250 2.0.0 Ok\r\n"), REPLY_READY);
	rest = buf_str(&r.text);
	int n = 0;
	while (reply_inner(&rest, &code, &text))
		n++;
	assert_int_equal(n, 901);
	buf_free(&text);
	reply_free(&r);
}

static void reply_endless(void **state UNUSED)
{
	struct reply r;
	char line[REPLY_LINE_MAX + 10];
	unsigned n = 0;
	reply_init(&r);
	while (feed(&r, "250-and on\r\n") == REPLY_MORE)
		n++;
	assert_int_equal(n, REPLY_LINES_MAX - 1);
	assert_true(r.text.n <= REPLY_TEXT_MAX);
	reply_free(&r);
	reply_init(&r);
	memset(line, 'x', sizeof line);
	size_t used;
	assert_int_equal(reply_feed(&r, str_at(line, REPLY_LINE_MAX - 1), &used), REPLY_MORE);
	assert_int_equal(reply_feed(&r, str_at(line, REPLY_LINE_MAX), &used), REPLY_BROKEN);
	reply_free(&r);
}

static void reply_is_printable(void **state UNUSED)
{
	struct reply r;
	size_t used;
	reply_init(&r);
	assert_int_equal(reply_feed(&r, STR("550 a\tb\033[1m\0c\rd\177\r\n"), &used), REPLY_READY);
	assert_int_equal(r.text.n, strlen(r.text.p));
	assert_string_equal(r.text.p, "a b [1m c d ");
	reply_free(&r);
}

/* ---- routes ---------------------------------------------------------------------------------- */

static struct routes *routes_of(const char *text)
{
	struct routes *r = routes_new();
	struct str rest = str_of(text), line;
	while (str_split(&rest, '\n', &line))
		assert_null(routes_add(r, line));
	return r;
}

static void is_route(const struct routes *r, const char *domain, const char *relay, unsigned port,
    enum route_security security, enum route_family family)
{
	struct route got = routes_find(r, str_of(domain));
	if (!str_is(got.relay, relay))
		fail_msg("%s goes to '%.*s'", domain, STR_FMT(got.relay));
	assert_int_equal(got.port, port);
	assert_int_equal(got.security, security);
	assert_int_equal(got.family, family);
}

static void route_order(void **state UNUSED)
{
	struct routes *r = routes_of("# first match\n"
				     "\n"
				     "a.example: first.example\n"
				     "A.example: second.example\n"
				     "direct.example:\n"
				     ".b.example:[192.0.2.7],2525\n"
				     "secure.example: in.example,465 /SECURITY=SMTPS /IPV6ONLY\n"
				     "must.example:/SECURITY=REQUIRED\n"
				     "ext.example:/SECURITY=STARTTLS\n"
				     "four.example:,26/IPV4ONLY\n"
				     ": smart.example , 587\n");
	is_route(r, "a.EXAMPLE", "first.example", 25, ROUTE_OPPORTUNISTIC, ROUTE_ANY);
	is_route(r, "direct.example", "", 25, ROUTE_OPPORTUNISTIC, ROUTE_ANY);
	is_route(r, "x.y.b.example", "[192.0.2.7]", 2525, ROUTE_OPPORTUNISTIC, ROUTE_ANY);
	is_route(r, "b.example", "smart.example", 587, ROUTE_OPPORTUNISTIC, ROUTE_ANY);
	is_route(r, "secure.example", "in.example", 465, ROUTE_SMTPS, ROUTE_IPV6);
	is_route(r, "must.example", "", 25, ROUTE_REQUIRED, ROUTE_ANY);
	is_route(r, "ext.example", "", 25, ROUTE_EXTENSION, ROUTE_ANY);
	is_route(r, "four.example", "", 26, ROUTE_OPPORTUNISTIC, ROUTE_IPV4);
	is_route(r, "anything.else", "smart.example", 587, ROUTE_OPPORTUNISTIC, ROUTE_ANY);
	routes_free(r);
	r = routes_of("");
	is_route(r, "anything.else", "", 25, ROUTE_OPPORTUNISTIC, ROUTE_ANY);
	routes_free(r);
}

static void route_faults(void **state UNUSED)
{
	static const char *const bad[] = {"example.org", "example.org:relay,0",
	    "example.org:relay,65536", "example.org:relay,x", "example.org:a b",
	    "example.org:relay/SECURITY=MAYBE", "example.org:[192.0.2.1", "a:b\001c",
	    "example.org:192.0.2.1", "example.org:2001:db8::1", "example.org:[300.1.1.1]",
	    "example.org:[mail.example]", "example.org:[]", "*.example.org:relay", "*:relay"};
	struct routes *r = routes_new();
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (!routes_add(r, str_of(bad[i])))
			fail_msg("'%s' was taken", bad[i]);
	is_route(r, "example.org", "", 25, ROUTE_OPPORTUNISTIC, ROUTE_ANY);
	routes_free(r);
}

/* ---- credentials ----------------------------------------------------------------------------- */

static void credentials(void **state UNUSED)
{
	struct authclient *a = authclient_new();
	assert_null(authclient_add(a, STR("# relay user password")));
	assert_null(authclient_add(a, STR("smart.example,587\tjoe  s3cret:word")));
	assert_null(authclient_add(a, STR("[192.0.2.1] ann pw")));
	assert_null(authclient_add(a, STR("example.org dom pw2")));
	assert_non_null(authclient_add(a, STR("smart.example joe")));
	assert_non_null(authclient_add(a, STR("smart.example joe a b")));
	assert_non_null(authclient_add(a, STR("smart.example,x joe a")));
	struct credentials c = authclient_find(a, STR("Smart.example"), 587, STR("example.net"));
	assert_true(str_is(c.user, "joe") && str_is(c.password, "s3cret:word"));
	assert_null(authclient_find(a, STR("smart.example"), 25, STR("example.net")).user.p);
	assert_true(str_is(authclient_find(a, STR("[192.0.2.1]"), 25, STR("x")).user, "ann"));
	assert_true(str_is(authclient_find(a, STR_NONE, 25, STR("example.org")).user, "dom"));
	assert_true(str_is(authclient_find(a, STR("other"), 99, STR("example.org")).user, "dom"));
	assert_null(authclient_find(a, STR_NONE, 25, STR("example.com")).user.p);
	authclient_free(a);
}

/* ---- servers that can't take it as it is ----------------------------------------------------- */

static void conversions(void **state UNUSED)
{
	static const struct {
		struct convert_facts f;
		unsigned want;
	} t[] = {
	    /* body8 headers8 needs-utf8, 8BITMIME SMTPUTF8 */
	    {{true, true, false, true, true}, 0}, {{true, false, false, false, true}, MIME_TO_7BIT},
	    {{false, false, false, false, false}, 0},
	    {{true, true, false, false, false}, MIME_TO_7BIT | MIME_TO_ASCII},
	    {{false, true, false, true, false}, MIME_TO_ASCII},
	    {{false, true, true, true, false}, 0}, /* it fails elsewhere */
	};
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		assert_int_equal(convert_flags(&t[i].f), t[i].want);
	const unsigned both = MIME_KEPT_BODY | MIME_KEPT_HEADER;
	assert_int_equal(convert_decide(0, false, SIGNED_BOUNCE, SIGNED_BOUNCE), CONVERT_GO);
	assert_int_equal(convert_decide(0, true, SIGNED_BOUNCE, SIGNED_CONVERT), CONVERT_GO);
	assert_int_equal(convert_decide(0, true, SIGNED_CONVERT, SIGNED_BOUNCE), CONVERT_SIGNED);
	assert_int_equal(convert_decide(0, true, SIGNED_CONVERT, SIGNED_SEND), CONVERT_AS_IS);
	assert_int_equal(
	    convert_decide(both, false, SIGNED_BOUNCE, SIGNED_CONVERT), CONVERT_SIGNED);
	assert_int_equal(convert_decide(both, false, SIGNED_SEND, SIGNED_CONVERT), CONVERT_AS_IS);
	assert_int_equal(convert_decide(MIME_KEPT_HEADER, false, SIGNED_CONVERT, SIGNED_CONVERT),
	    CONVERT_ADDRESS);
	assert_int_equal(
	    convert_decide(MIME_KEPT_BODY, false, SIGNED_CONVERT, SIGNED_CONVERT), CONVERT_GO);
	enum signed_mode m;
	assert_true(signed_mode_parse(STR("Send"), &m) && m == SIGNED_SEND);
	assert_false(signed_mode_parse(STR("never"), &m));
}

/* ---- what TLS has to prove: the strictest demand wins (MTA-0928, MTA-1009) ----------------------
 */

static void tls_needs(void **state UNUSED)
{
	static const struct {
		struct tls_facts f;
		enum tls_source source;
		bool required, refused, report, authenticated;
		enum tls_verify verify;
		const char *status;
	} rows[] = {
	    {{0}, TLS_BY_NOBODY, false, false, false, false, TLS_OPPORTUNISTIC, "4.7.5"},
	    {{.verify_chain = true}, TLS_BY_SETTING, false, false, false, false, TLS_VERIFY_CHAIN,
		"4.7.5"},
	    {{.verify_chain = true, .verify_domain = true}, TLS_BY_SETTING, false, false, false,
		false, TLS_VERIFY_NAME, "4.7.5"},
	    {{.route = ROUTE_REQUIRED, .relay = true}, TLS_BY_ROUTE, true, false, false, true,
		TLS_OPPORTUNISTIC, "4.7.5"},
	    {{.sts = STS_ENFORCE, .sts_host = true}, TLS_BY_STS, true, false, false, true,
		TLS_VERIFY_NAME, "4.7.5"},
	    {{.sts = STS_ENFORCE}, TLS_BY_STS, true, true, false, false, TLS_VERIFY_NAME, "4.7.5"},
	    {{.sts = STS_TESTING, .sts_host = true}, TLS_BY_NOBODY, false, false, true, true,
		TLS_OPPORTUNISTIC, "4.7.5"},
	    {{.sts = STS_TESTING}, TLS_BY_NOBODY, false, false, true, false, TLS_OPPORTUNISTIC,
		"4.7.5"},
	    /* a relay is the administrator's word */
	    {{.relay = true, .sts = STS_ENFORCE}, TLS_BY_NOBODY, false, false, false, true,
		TLS_OPPORTUNISTIC, "4.7.5"},
	    {{.unbound = true, .sts = STS_ENFORCE}, TLS_BY_NOBODY, false, false, false, false,
		TLS_OPPORTUNISTIC, "4.7.5"},
	    {{.dnssec = true, .sts = STS_TESTING}, TLS_BY_NOBODY, false, false, true, true,
		TLS_OPPORTUNISTIC, "4.7.5"},
	    {{.requiretls = true}, TLS_BY_REQUIRETLS, true, false, false, false, TLS_VERIFY_NAME,
		"5.7.30"},
	    {{.requiretls = true, .sts = STS_TESTING, .sts_host = true}, TLS_BY_REQUIRETLS, true,
		false, true, true, TLS_VERIFY_NAME, "5.7.30"},
	    {{.requiretls = true, .secured = true}, TLS_BY_SECURITY, true, false, false, false,
		TLS_VERIFY_PRIVATE, "5.7.30"},
	    /* SECURITY has authorities of its own, and mail for it comes back */
	    {{.secured = true, .sts = STS_ENFORCE}, TLS_BY_SECURITY, true, false, false, false,
		TLS_VERIFY_PRIVATE, "5.7.5"},
	    {{.secured = true, .route = ROUTE_EXTENSION, .relay = true}, TLS_BY_SECURITY, true,
		false, false, true, TLS_VERIFY_PRIVATE, "5.7.5"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tls_need n = tls_need_decide(&rows[i].f);
		if (n.source != rows[i].source || n.required != rows[i].required ||
		    n.refused != rows[i].refused || n.report != rows[i].report ||
		    n.authenticated != rows[i].authenticated || n.verify != rows[i].verify ||
		    strcmp(n.status, rows[i].status) != 0)
			fail_msg("need %zu", i);
	}
}

/* ---- T37: what is tried beside an address that does not answer ----------------------------------
 */

static void rivals(void **state UNUSED)
{
	static char a[] = "a", b[] = "b";
	struct candidate v[] = {{.host = a, .addr.ss_family = AF_INET},
	    {.host = a, .addr.ss_family = AF_INET}, {.host = a, .addr.ss_family = AF_INET6},
	    {.host = a, .addr.ss_family = AF_INET6}, {.host = b, .addr.ss_family = AF_INET},
	    {.host = b, .addr.ss_family = AF_INET}};
	static const ptrdiff_t want[] = {2, 2, RACE_NONE, RACE_NONE, RACE_NONE, RACE_NONE};
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		assert_int_equal(connect_rival(v, ARRAY_LEN(v), i), want[i]);
	assert_int_equal(connect_rival(v, 2, 0), RACE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reply_lines),
	    cmocka_unit_test(reply_pieces),
	    cmocka_unit_test(reply_broken),
	    cmocka_unit_test(reply_results),
	    cmocka_unit_test(reply_endless),
	    cmocka_unit_test(reply_is_printable),
	    cmocka_unit_test(route_order),
	    cmocka_unit_test(route_faults),
	    cmocka_unit_test(credentials),
	    cmocka_unit_test(conversions),
	    cmocka_unit_test(tls_needs),
	    cmocka_unit_test(rivals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
