/* libs/smtp without addresses: lines, verbs, replies, message text on every split. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "smtp/outgoing.h"
#include "smtp/smtp.h"
#include "smtp/socks.h"

#define assert_str(s, z)                                          \
	do {                                                      \
		struct str s_ = (s);                              \
		assert_int_equal(s_.n, strlen(z));                \
		assert_memory_equal(s_.n ? s_.p : "", (z), s_.n); \
	} while (0)

/* Feeds text in two pieces, cut at `cut`, and writes what came out as letters and lines. */
static void lines_of(struct str text, size_t max, size_t cut, struct buf *out)
{
	struct smtp_lines l;
	struct buf in;
	size_t given[2] = {cut, text.n - cut};
	const char *p = text.p;

	smtp_lines_init(&l, max);
	buf_init(&in, 100000);
	for (int i = 0; i < 2; i++) {
		enum smtp_line r;
		struct str line;
		size_t used;

		buf_add(&in, p, given[i]);
		p += given[i];
		while ((r = smtp_lines_next(&l, buf_str(&in), &line, &used)) != SMTP_LINE_MORE) {
			if (r == SMTP_LINE_READY)
				buf_addf(out, "(%.*s)", (int)line.n, line.p);
			else
				buf_addc(out, r == SMTP_LINE_BARE ? 'B' : 'L');
			buf_cut(&in, used);
		}
		buf_cut(&in, used);
	}
	buf_free(&in);
}

static void test_lines(void **state)
{
	static const struct {
		struct str in;
		const char *want;
	} cases[] = {
	    {STR_INIT("EHLO a\r\nQUIT\r\n"), "(EHLO a)(QUIT)"},
	    {STR_INIT("\r\n\r\n"), "()()"},
	    {STR_INIT("NOOP\nQUIT\r\nRSET\r\n"), "B(RSET)"},
	    {STR_INIT("NOOP\rQUIT\r\nRSET\r\n"), "B(RSET)"},
	    {STR_INIT("NOOP\r\r\nRSET\r\n"), "B(RSET)"},
	    {STR_INIT("\nRSET\r\n\r\n"), "B()"},
	    {STR_INIT("12345678\r\nx\r\n"), "(12345678)(x)"},
	    {STR_INIT("123456789\r\nx\r\n"), "L(x)"},
	    {STR_INIT("123456789012345678901234567890\r\nx\r\n"), "L(x)"},
	    {STR_INIT("12345678901\n2345\r678901234567890\r\nx\r\n"), "L(x)"},
	    {STR_INIT("a\0b\r\n"), "(a"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t cut = 0; cut <= cases[i].in.n; cut++) {
			struct buf out;

			buf_init(&out, 10000);
			lines_of(cases[i].in, 10, cut, &out);
			if (i + 1 == ARRAY_LEN(cases))
				out.n = 2; /* printf stops at the NUL */
			assert_str(buf_str(&out), cases[i].want);
			buf_free(&out);
		}
}

static void test_commands(void **state)
{
	struct smtp_command c;

	smtp_command_parse(STR("mail FROM:<a@b> SIZE=1 "), &c);
	assert_int_equal(c.verb, SMTP_MAIL);
	assert_str(c.word, "mail");
	assert_str(c.args, "FROM:<a@b> SIZE=1");
	smtp_command_parse(STR("QUIT"), &c);
	assert_int_equal(c.verb, SMTP_QUIT);
	assert_int_equal(c.args.n, 0);
	smtp_command_parse(STR("QUITX"), &c);
	assert_int_equal(c.verb, SMTP_UNKNOWN);
	smtp_command_parse(STR(""), &c);
	assert_int_equal(c.verb, SMTP_UNKNOWN);
	smtp_command_parse(STR("NOOP\0x"), &c);
	assert_int_equal(c.verb, SMTP_UNKNOWN);
	for (int v = SMTP_UNKNOWN + 1; v < SMTP_VERBS; v++) {
		smtp_command_parse(str_of(smtp_verb_name((enum smtp_verb)v)), &c);
		assert_int_equal(c.verb, v);
	}
}

static void test_helo(void **state)
{
	assert_true(smtp_helo_ok(STR("mx.example.com")));
	assert_true(smtp_helo_ok(STR("[IPv6:::1]")));
	assert_true(smtp_helo_ok(STR("m\xc3\xbcller.example")));
	assert_false(smtp_helo_ok(STR("")));
	assert_false(smtp_helo_ok(STR("a b")));
	assert_false(smtp_helo_ok(STR("a(b")));
	assert_false(smtp_helo_ok(STR("a\tb")));
}

static void test_auth(void **state)
{
	struct arena *a = arena_new(100000);
	struct str m, i;

	assert_int_equal(smtp_auth_parse(a, STR("PLAIN AGEAYg=="), &m, &i), SMTP_R_NONE);
	assert_str(m, "PLAIN");
	assert_int_equal(i.n, 4);
	assert_memory_equal(i.p, "\0a\0b", 4);
	assert_int_equal(smtp_auth_parse(a, STR("LOGIN"), &m, &i), SMTP_R_NONE);
	assert_null(i.p);
	assert_int_equal(smtp_auth_parse(a, STR("EXTERNAL ="), &m, &i), SMTP_R_NONE);
	assert_non_null(i.p);
	assert_int_equal(i.n, 0);
	assert_int_equal(smtp_auth_parse(a, STR("PLAIN AGEAYg="), &m, &i), SMTP_R_BAD_BASE64);
	assert_int_equal(smtp_auth_parse(a, STR("PLAIN !"), &m, &i), SMTP_R_BAD_BASE64);
	assert_int_equal(smtp_auth_parse(a, STR(""), &m, &i), SMTP_R_NO_ARGUMENT);
	assert_int_equal(smtp_auth_parse(a, STR("PL/AIN"), &m, &i), SMTP_R_BAD_MECHANISM);
	assert_int_equal(smtp_auth_parse(a, STR("PLAIN = ="), &m, &i), SMTP_R_SYNTAX);
	arena_free(a);
}

static void test_replies(void **state)
{
	struct smtp_reply_line l;
	struct str text, enhanced;
	struct buf b;

	buf_init(&b, 10000);
	smtp_reply_put(&b, 550, STR("5.1.1"), STR("no\nsuch\x01user\r\n"));
	assert_str(buf_str(&b), "550-5.1.1 no\r\n550 5.1.1 such user\r\n");
	buf_clear(&b);
	smtp_reply_put(&b, 12, STR(""), STR(""));
	assert_str(buf_str(&b), "451 \r\n");
	for (int id = SMTP_R_NONE + 1; id < SMTP_R_COUNT; id++) {
		const struct smtp_reply *r = smtp_reply((enum smtp_reply_id)id);

		buf_clear(&b);
		smtp_reply_put_id(&b, (enum smtp_reply_id)id);
		assert_true(smtp_reply_line_parse(str_head(buf_str(&b), b.n - 2), &l));
		assert_int_equal(l.code, r->code);
		assert_true(l.last);
		text = l.text;
		assert_int_equal(smtp_enhanced_cut(&text, l.code, &enhanced), r->enhanced[0] != 0);
		assert_str(text, r->text);
	}
	buf_free(&b);
	assert_true(smtp_reply_line_parse(STR("250-x"), &l));
	assert_false(l.last);
	assert_true(smtp_reply_line_parse(STR("250"), &l));
	assert_false(smtp_reply_line_parse(STR("25"), &l));
	assert_false(smtp_reply_line_parse(STR("250_x"), &l));
	assert_false(smtp_reply_line_parse(STR("190 x"), &l));
	text = STR("5.1.1 no");
	assert_false(smtp_enhanced_cut(&text, 450, &enhanced));
	text = STR("5.1.1no");
	assert_false(smtp_enhanced_cut(&text, 550, &enhanced));
	text = STR("5.1000.1 no");
	assert_false(smtp_enhanced_cut(&text, 550, &enhanced));
}

/* One pass over text cut at two places; what came out, "!" when bare, then what is left over. */
static void data_of(struct str text, size_t cut1, size_t cut2, bool in_place, struct buf *out)
{
	size_t ends[3] = {cut1, cut2, text.n}, at = 0;
	struct smtp_data d;

	smtp_data_init(&d);
	for (int i = 0; i < 3 && !d.done; i++) {
		size_t n = ends[i] - at, wrote, used;
		char *room = malloc(n + 1), *from = malloc(n + 1);

		memcpy(from, text.p + at, n);
		used = smtp_data_feed(&d, str_at(from, n), in_place ? from : room, &wrote);
		assert_true(wrote <= n);
		assert_true(used == n || d.done);
		buf_add(out, in_place ? from : room, wrote);
		at += used;
		free(room);
		free(from);
	}
	if (d.bare)
		buf_clear(out), buf_addc(out, '!');
	buf_addf(out, "|%s|", d.done ? "end" : "more");
	buf_add(out, text.p + at, text.n - at);
}

static void test_data(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
	    {".\r\n", "|end|"},
	    {"a\r\n.\r\nQUIT\r\n", "a\n|end|QUIT\r\n"},
	    {"..a\r\n...\r\n.b\r\n.\r\n", ".a\n..\nb\n|end|"},
	    {"a.b\r\nc.\r\n.\r\n", "a.b\nc.\n|end|"},
	    {"a\r\n\r\n.\r\n", "a\n\n|end|"},
	    {"a\r\n.", "a\n|more|"},
	    {"a\r\n.\r", "a\n|more|"},
	    {"a\r", "a|more|"},
	    /* everything that others took for an end */
	    {"a\n.\nX\r\n.\r\n", "!|end|"},
	    {"a\n.\r\nX\r\n.\r\n", "!|end|"},
	    {"a\r\n.\nX\r\n.\r\n", "!|end|"},
	    {"a\r.\rX\r\n.\r\n", "!|end|"},
	    {"a\r.\r\nX\r\n.\r\n", "!|end|"},
	    {"a\r\n.\rX\r\n.\r\n", "!|end|"},
	    {"a\r\n.\r\rX\r\n.\r\n", "!|end|"},
	    {"a\r\r\n.\r\n", "!|end|"},
	    {"a\r\r\n.\r\r\nX\r\n.\r\n", "!|end|"},
	    {"a\n\r\n.\r\n", "!|end|"},
	    {"\n.\r\nX\r\n.\r\n", "!|end|"},
	    {"a\r\n.\r\r\n.\r\n", "!|end|"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str in = str_of(cases[i].in);

		for (size_t c1 = 0; c1 <= in.n; c1++)
			for (size_t c2 = c1; c2 <= in.n; c2++)
				for (int place = 0; place < 2; place++) {
					struct buf out;

					buf_init(&out, 10000);
					data_of(in, c1, c2, place, &out);
					assert_str(buf_str(&out), cases[i].want);
					buf_free(&out);
				}
	}
}

/* T40 V1: all strings of up to 7 bytes over {CR, LF, '.', 'a'}, then a proper end: only CRLF.CRLF
 * (or .CRLF at the start) may end it, as a plain search says. */
static void test_data_every_string(void **state)
{
	static const char letters[] = "\r\n.a";

	for (size_t len = 0; len <= 7; len++)
		for (size_t code = 0; code < (size_t)1 << (2 * len); code++) {
			char text[32] = "\r\n", room[32];
			size_t n = 2, end, wrote, used;
			struct smtp_data d;

			for (size_t i = 0; i < len; i++)
				text[n++] = letters[code >> (2 * i) & 3];
			memcpy(text + n, "\r\n.\r\n", 5);
			n += 5;
			end = (size_t)str_find(str_at(text, n), STR("\r\n.\r\n")) + 5 - 2;
			smtp_data_init(&d);
			used = smtp_data_feed(&d, str_at(text + 2, n - 2), room, &wrote);
			assert_true(d.done);
			assert_int_equal(used, end);
		}
}

/* ---- outgoing -------------------------------------------------------------------------------- */

static struct sockaddr_storage address(int family, const char *ip, uint16_t port)
{
	struct sockaddr_storage ss = {.ss_family = (sa_family_t)family};
	struct sockaddr_in *four = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&ss;
	if (family == AF_INET) {
		four->sin_port = htons(port);
		assert_int_equal(inet_pton(family, ip, &four->sin_addr), 1);
	} else {
		six->sin6_port = htons(port);
		assert_int_equal(inet_pton(family, ip, &six->sin6_addr), 1);
	}
	return ss;
}

static void test_outgoing_name(void **state UNUSED)
{
	static const struct {
		int family;
		const char *ip, *host, *name, *remote;
	} cases[] = {
	    {AF_INET, "192.0.2.1", "mx.example", "mx.example", "mx.example [192.0.2.1]"},
	    {AF_INET, "192.0.2.1", "[192.0.2.1]", "192.0.2.1", "[192.0.2.1]"},
	    {AF_INET, "192.0.2.1", "192.0.2.1", "192.0.2.1", "[192.0.2.1]"},
	    {AF_INET6, "2001:db8::1", "[IPv6:2001:db8:0::1]", "2001:db8::1", "[2001:db8::1]"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sockaddr_storage to = address(cases[i].family, cases[i].ip, 25);
		struct outgoing_name n;
		outgoing_name(&to, cases[i].host, &n);
		assert_string_equal(n.host, cases[i].name);
		assert_string_equal(n.remote, cases[i].remote);
	}
}

/* It comes from the address that is asked for; a wrong one is an error and leaves no descriptor. */
static void test_outgoing_connect(void **state UNUSED)
{
	static const char *const wrong[] = {
	    "::1", "127.0.0.1.", "me", "192.0.2.1 and much more text"};
	struct sockaddr_storage to = address(AF_INET, "127.0.0.1", 0), from;
	socklen_t n = sizeof(struct sockaddr_in);
	int server = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(server, (struct sockaddr *)&to, n), 0);
	assert_int_equal(listen(server, 8), 0);
	assert_int_equal(getsockname(server, (struct sockaddr *)&to, &n), 0);
	int fd = outgoing_connect(&to, STR("127.0.0.2"));
	assert_true(fd >= 0);
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(outgoing_error(fd), 0);
	n = sizeof from;
	assert_int_equal(getsockname(fd, (struct sockaddr *)&from, &n), 0);
	struct outgoing_name name;
	outgoing_name(&from, "[]", &name);
	assert_string_equal(name.host, "127.0.0.2");
	close(fd);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		assert_int_equal(outgoing_connect(&to, str_of(wrong[i])), -1);
		assert_int_equal(errno, EADDRNOTAVAIL);
	}
	int next = outgoing_connect(&to, STR("0"));
	assert_int_equal(next, fd);
	close(next);
	close(server);
}

/* ---- SOCKS ----------------------------------------------------------------------------------- */

static void test_socks_proxy(void **state UNUSED)
{
	static const struct {
		const char *line;
		bool good;
		unsigned port;
		const char *user, *password;
	} rows[] = {
	    {"127.0.0.1", true, 1080, "", ""},
	    {"127.0.0.1,99", true, 99, "", ""},
	    {" [::1],9050  joe\tsecret ", true, 9050, "joe", "secret"},
	    {"::1", true, 1080, "", ""},
	    {"", false, 0, "", ""},
	    {"proxy.example", false, 0, "", ""},
	    {"127.0.0.1,0", false, 0, "", ""},
	    {"127.0.0.1,65536", false, 0, "", ""},
	    {"127.0.0.1 joe", false, 0, "", ""},
	    {"127.0.0.1 joe secret more", false, 0, "", ""},
	    {"[]", false, 0, "", ""},
	};
	struct socks_proxy p;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *why = socks_proxy_parse(str_of(rows[i].line), &p);
		if (!why != rows[i].good)
			fail_msg("'%s': %s", rows[i].line, why ? why : "taken");
		if (why)
			continue;
		assert_int_equal(ntohs(((struct sockaddr_in *)&p.addr)->sin_port), rows[i].port);
		assert_string_equal(p.user, rows[i].user);
		assert_string_equal(p.password, rows[i].password);
	}
}

/* What the proxy says, cut at every place: the outcome is the same. */
static int converse(const char *proxy, struct str said, size_t cut, struct buf *out, size_t *left)
{
	static struct socks_proxy p;
	struct sockaddr_storage to = address(AF_INET, "192.0.2.1", 25);
	struct socks s;
	const char *why;
	size_t at = 0, used, end = cut;
	int r = 0;
	assert_null(socks_proxy_parse(str_of(proxy), &p));
	socks_begin(&s, &p, &to, out);
	while (r == 0) {
		r = socks_feed(&s, str_range(said.p + at, said.p + end), &used, out, &why);
		at += used;
		if (r == 0 && !used && end == said.n)
			return 0;
		if (r == 0 && !used)
			end = said.n;
	}
	*left = said.n - at;
	return r;
}

static void test_socks(void **state UNUSED)
{
	static const struct {
		const char *proxy;
		struct str said;
		int r;
		struct str out;
	} rows[] = {
	    {"127.0.0.1",
		STR_INIT("\5\0\5\0\0\1\0\0\0\0\0\0"
			 "220"),
		1, STR_INIT("\5\1\0\5\1\0\1\300\0\2\1\0\31")},
	    {"127.0.0.1",
		STR_INIT("\5\0\5\0\0\3\2ab\0\0"
			 "220"),
		1, STR_INIT("\5\1\0\5\1\0\1\300\0\2\1\0\31")},
	    {"127.0.0.1",
		STR_INIT("\5\0\5\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
			 "220"),
		1, STR_INIT("\5\1\0\5\1\0\1\300\0\2\1\0\31")},
	    {"127.0.0.1 joe pw",
		STR_INIT("\5\2\1\0\5\0\0\1\0\0\0\0\0\0"
			 "220"),
		1, STR_INIT("\5\2\0\2\1\3joe\2pw\5\1\0\1\300\0\2\1\0\31")},
	    {"127.0.0.1 joe pw", STR_INIT("\5\2\1\1"), -1, STR_INIT("\5\2\0\2\1\3joe\2pw")},
	    {"127.0.0.1", STR_INIT("\5\2"), -1, STR_INIT("\5\1\0")},
	    {"127.0.0.1", STR_INIT("\5\377"), -1, STR_INIT("\5\1\0")},
	    {"127.0.0.1", STR_INIT("\4\0"), -1, STR_INIT("\5\1\0")},
	    {"127.0.0.1", STR_INIT("\5\0\5\5"), -1, STR_INIT("\5\1\0\5\1\0\1\300\0\2\1\0\31")},
	    {"127.0.0.1", STR_INIT("\5\0\5\143"), -1, STR_INIT("\5\1\0\5\1\0\1\300\0\2\1\0\31")},
	    {"127.0.0.1", STR_INIT("\5\0\5\0\0\2\0\0\0\0\0\0"), -1,
		STR_INIT("\5\1\0\5\1\0\1\300\0\2\1\0\31")},
	    {"127.0.0.1", STR_INIT("\5\0\5\0\0\1\0\0"), 0,
		STR_INIT("\5\1\0\5\1\0\1\300\0\2\1\0\31")},
	    {"127.0.0.1", STR_INIT("220 mail.example ESMTP"), -1, STR_INIT("\5\1\0")},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t cut = 0; cut <= rows[i].said.n; cut++) {
			struct buf out;
			size_t left = 0;
			buf_init(&out, SOCKS_OUT_MAX);
			if (converse(rows[i].proxy, rows[i].said, cut, &out, &left) != rows[i].r ||
			    !str_eq(buf_str(&out), rows[i].out))
				fail_msg("conversation %zu, cut at %zu", i, cut);
			assert_int_equal(left, rows[i].r == 1 ? 3 : left);
			buf_free(&out);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_commands),
	    cmocka_unit_test(test_helo),
	    cmocka_unit_test(test_auth),
	    cmocka_unit_test(test_replies),
	    cmocka_unit_test(test_data),
	    cmocka_unit_test(test_data_every_string),
	    cmocka_unit_test(test_outgoing_name),
	    cmocka_unit_test(test_outgoing_connect),
	    cmocka_unit_test(test_socks_proxy),
	    cmocka_unit_test(test_socks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
