/* Local delivery: the pure parts, and the broker's reading of requests. */
#include "config.h"

#include "local/worker.h"
#include "auth/auth.h"
#include "broker/broker-proto.h"
#include "broker/local-key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static void test_instructions(void **state)
{
	static const struct {
		enum dot_kind kind;
		const char *text;
	} want[] = {
	    {DOT_MAILBOX, "./Maildir"},
	    {DOT_MAILBOX, "/var/mail/x"},
	    {DOT_PROGRAM, "cmd a  more"},
	    {DOT_DYNAMIC, "dyn"},
	    {DOT_FORWARD, "a@b"},
	    {DOT_FORWARD, "\"x, y\"@c"},
	    {DOT_FORWARD, "d@e"},
	    {DOT_FORWARD, "f"},
	};
	struct arena *a = arena_new(1 << 20);
	struct dot_file f;
	assert_null(dot_parse(STR("# mine\n\n ./Maildir \n/var/mail/x\n| cmd a \\\n more\n||dyn\n"
				  "&a@b, \"x, y\"@c, <d@e>,\n!f"),
	    a, &f));
	assert_false(f.empty);
	assert_int_equal(f.n, ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		assert_int_equal(f.line[i].kind, want[i].kind);
		assert_string_equal(f.line[i].text, want[i].text);
	}
	arena_free(a);
}

static void test_instructions_edges(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct dot_file f;
	assert_null(dot_parse(STR(""), a, &f));
	assert_true(f.empty && f.n == 0);
	assert_null(dot_parse(STR("# only\n"), a, &f));
	assert_true(!f.empty && f.n == 0);
	assert_null(dot_parse(STR("|a\\"), a, &f));
	assert_true(f.n == 1 && !strcmp(f.line[0].text, "a"));
	assert_non_null(dot_parse(STR("\"a@b"), a, &f));
	assert_non_null(dot_parse(STR("a\x01@b"), a, &f));
	assert_non_null(dot_parse(STR("|a\0b"), a, &f));
	struct buf many;
	buf_init(&many, DOT_FILE_MAX);
	for (int i = 0; i <= DOT_LINES_MAX; i++)
		buf_addz(&many, "a\n");
	assert_non_null(dot_parse(buf_str(&many), a, &f));
	buf_free(&many);
	arena_free(a);
}

static void names_are(const char *ext, bool lower, const char *const *want)
{
	struct dot_names n = {
	    .dot = STR("courier"), .ext = str_of(ext), .seps = STR("+"), .lower = lower};
	struct buf name;
	struct str rest;
	buf_init(&name, 512);
	while (*want) {
		assert_true(dot_names_next(&n, &name, &rest));
		assert_string_equal(name.p, *want++);
		char *text = mem_strndup(rest.p ? rest.p : "", rest.n);
		assert_string_equal(text, *want++);
		free(text);
	}
	assert_false(dot_names_next(&n, &name, &rest));
	buf_free(&name);
}

static void test_names(void **state)
{
	names_are("", false, (const char *[]){".courier", "", NULL});
	names_are("a", false, (const char *[]){".courier-a", "", ".courier-default", "a", NULL});
	names_are("a.b-C+d", false,
	    (const char *[]){".courier-a:b-C-d", "", ".courier-a:b-C-default", "d",
		".courier-a:b-default", "C+d", ".courier-default", "a.b-C+d", NULL});
	names_are("A-", true,
	    (const char *[]){
		".courier-a-", "", ".courier-a-default", "", ".courier-default", "A-", NULL});
	names_are("../../etc/x", false, (const char *[]){NULL});
}

static void test_loops(void **state)
{
	struct str head = STR("X: y\nDelivered-To: A@b \ndelivered-to: c@d\n\nDelivered-To: e@f\n");
	assert_true(header_delivered_to(head, STR("a@B")));
	assert_true(header_delivered_to(head, STR("c@d")));
	assert_false(header_delivered_to(head, STR("e@f")));
	assert_false(header_delivered_to(head, STR("a@")));
	assert_false(header_delivered_to(STR(""), STR("a@b")));
}

static void test_quoting(void **state)
{
	static const struct str in =
	    STR_INIT("From a\n>From b\nFro\nFrom\n>x\n>>From c\n xFrom d\nFro");
	struct str want = STR(">From a\n>>From b\nFro\nFrom\n>x\n>>>From c\n xFrom d\nFro\n\n");
	for (size_t cut = 0; cut <= in.n; cut++) { /* every split gives the same */
		struct buf out;
		unsigned s = 0;
		buf_init(&out, 1000);
		assert_true(mbox_quote(str_head(in, cut), &s, &out));
		assert_true(mbox_quote(str_skip(in, cut), &s, &out));
		assert_true(mbox_quote_end(&s, &out));
		assert_true(str_eq(buf_str(&out), want));
		buf_free(&out);
	}
}

static void test_exit_codes(void **state)
{
	assert_int_equal(program_exit(0), GO_ON);
	assert_int_equal(program_exit(99), STOP);
	assert_int_equal(program_exit(70), BOUNCED);
	static const int permanent[] = {64, 65, 67, 68, 69, 76, 77, 78, 100, 112};
	for (size_t i = 0; i < ARRAY_LEN(permanent); i++)
		assert_int_equal(program_exit(permanent[i]), FAILED);
	static const int later[] = {1, 2, 66, 71, 74, 75, 98, 111, 126, 127, 255};
	for (size_t i = 0; i < ARRAY_LEN(later); i++)
		assert_int_equal(program_exit(later[i]), DEFERRED);
}

static void test_key(void **state)
{
	struct local_key k = {.user = STR("a!b%@c d"),
			     .ext = STR("x-y"),
			     .uid = 1000,
			     .gid = 7,
			     .home = STR("/home/a b"),
			     .quota = STR("5000S,7C")},
			 got;
	struct arena *a = arena_new(65536);
	struct buf out;
	buf_init(&out, 2 * LOCAL_KEY_MAX);
	assert_true(local_key_format(&k, &out));
	assert_string_equal(out.p, "a%21b%25@c%20d!x-y!1000!7!/home/a%20b!!5000S,7C");
	assert_true(local_key_parse(buf_str(&out), a, &got));
	assert_true(str_eq(got.user, k.user) && str_eq(got.home, k.home) && got.uid == 1000);
	buf_clear(&out);
	k.delivery = STR("|x\n./y");
	assert_true(local_key_format(&k, &out) && local_key_parse(buf_str(&out), a, &got));
	assert_true(str_eq(got.delivery, k.delivery));
	static const char *const bad[] = {"", "u!e!1!2!/h!m", "u!e!-1!2!/h!m!",
	    "u!e!4294967295!2!/h!m!", "!e!1!2!/h!m!", "u!e!1!2!h!m!", "u%2!e!1!2!/h!m!",
	    "u%41!e!1!2!/h!m!", "u%00!e!1!2!/h!m!", "u!e!1!2!/h!m!q!d!x", "u v!e!1!2!/h!m!"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(local_key_parse(str_of(bad[i]), a, &got));
	assert_true(local_key_parse(STR(".alias!list-x!0!0!!!"), a, &got) && !got.home.n);
	buf_free(&out);
	arena_free(a);
}

struct pair {
	struct ipc *a, *b;
};

static bool asked(struct pair *p, struct broker_request *q, int fd)
{
	struct ipc_msg m;
	assert_int_equal(ipc_send(p->a, fd), 0);
	assert_int_equal(ipc_recv(p->b, &m, 1000), 1);
	bool ok = broker_request_read(&m, q);
	if (m.fd >= 0)
		close(m.fd);
	return ok;
}

static bool ask_session(
    struct pair *p, const char *program, const char *ticket, const char *env, int fd)
{
	struct broker_request q;
	ipc_compose(p->a, BROKER_SESSION, 1);
	ipc_put_z(p->a, program);
	ipc_put_z(p->a, ticket);
	ipc_put_z(p->a, env);
	return asked(p, &q, fd);
}

static void test_broker_requests(void **state)
{
	static const char ticket[] = "abcdefghijklmnopqrstuvwxyz012345";
	struct broker_request q;
	struct pair p;
	int fds[2];
	assert_int_equal(sizeof ticket - 1, AUTH_TICKET_SIZE);
	assert_int_equal(ipc_pair(fds), 0);
	p.a = ipc_new(NULL, fds[0], NULL, NULL);
	p.b = ipc_new(NULL, fds[1], NULL, NULL);
	assert_true(ask_session(&p, "imapd", ticket, "A=b\nC=\n", 0));
	assert_false(ask_session(&p, "imapd", ticket, "A=b\n", -1)); /* no client */
	assert_false(ask_session(&p, "../sh", ticket, "", 0));
	assert_false(ask_session(&p, "imapd", "short", "", 0));
	assert_false(ask_session(&p, "imapd", ticket, "A=b", 0));
	assert_false(ask_session(&p, "imapd", ticket, "=b\n", 0));
	assert_false(ask_session(&p, "imapd", ticket, "A=b\x01\n", 0));
	ipc_compose(p.a, BROKER_WORKER, 1);
	ipc_put_u8(p.a, 1);
	ipc_put_z(p.a, "user@x");
	assert_true(asked(&p, &q, -1) && q.fresh && str_is(q.name, "user@x"));
	ipc_compose(p.a, BROKER_WORKER, 1);
	ipc_put_u8(p.a, 2);
	ipc_put_z(p.a, "user@x");
	assert_false(asked(&p, &q, -1));
	ipc_compose(p.a, BROKER_LOOK, 1);
	ipc_put_z(p.a, "user@x");
	ipc_put_z(p.a, "ext");
	ipc_put_u8(p.a, 0); /* a byte too many */
	assert_false(asked(&p, &q, -1));
	ipc_compose(p.a, BROKER_ANSWER, 1);
	assert_false(asked(&p, &q, -1));
	ipc_free(p.a);
	ipc_free(p.b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_instructions),
	    cmocka_unit_test(test_instructions_edges),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_loops),
	    cmocka_unit_test(test_quoting),
	    cmocka_unit_test(test_exit_codes),
	    cmocka_unit_test(test_key),
	    cmocka_unit_test(test_broker_requests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
