/* submit: headers, aliases, drop files; libs/gate: frames. */
#include "config.h"

#include "gate/gate-proto.h"
#include "submit/aliases.h"
#include "submit/drop.h"
#include "submit/header.h"
#include "submit/submit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

/* ---- headers --------------------------------------------------------------------------------- */

static struct header_job job(bool local)
{
	return (struct header_job){
	    .me = STR("mx.example.org"),
	    .defaultdomain = STR("example.com"),
	    .msgidhost = STR("ids.example.org"),
	    .id = STR("0000000000000001.0000000000000002.00000003"),
	    .now = 0,
	    .helo = local ? STR_NONE : STR("evil)\n(helo"),
	    .remote_ip = local ? STR_NONE : STR("192.0.2.1"),
	    .remote_host = local ? STR_NONE : STR("host.example"),
	    .with = local ? STR("local") : STR("ESMTPS"),
	    .sender_id = local ? STR("uid 1000") : STR_NONE,
	    .tls = local ? STR_NONE : STR("TLSv1.3 X"),
	    .login = local ? STR_NONE : STR("a@b"),
	    .local = local,
	    .add_date = true,
	    .add_msgid = true,
	    .received_max = 3,
	};
}

static enum header_verdict process(const char *block, const struct header_job *j, struct buf *out)
{
	struct arena *a = arena_new(1024 * 1024);
	buf_init(out, 65536);
	enum header_verdict v = header_process(a, str_of(block), j, out);
	arena_free(a);
	return v;
}

static bool has(const struct buf *b, const char *what)
{
	return str_find(buf_str(b), str_of(what)) >= 0;
}

static void test_header_network(void **state)
{
	struct header_job j = job(false);
	struct buf out;
	(void)state;
	j.only_rcpt = STR("bob@example.com");
	assert_int_equal(process("From: a\nTo: bob\nDate: x\nReturn-Path: <q@x>\n"
				 "Authentication-Results: mx.example.org; all=pass\n",
			     &j, &out),
	    HEADER_OK);
	assert_true(str_starts(
	    buf_str(&out), STR("Received: from evil???helo (host.example [192.0.2.1])\n")));
	/* MTA-1215 */
	assert_true(has(
	    &out, "\n  (AUTH: a@b)\n  (TLS: TLSv1.3 X)\n  by mx.example.org with ESMTPS\n  id 0"));
	assert_true(has(&out, "\n  for <bob@example.com>; Thu, 01 Jan 1970"));
	assert_true(has(&out, "\nFrom: a\nTo: bob\nDate: x\nOld-Return-Path: <q@x>\n"));
	assert_true(has(&out, "\nOld-Authentication-Results: mx"));
	assert_true(
	    has(&out, "\nMessage-ID: <courier.0000000000000002.00000003@ids.example.org>\n"));
	assert_true(str_ends(buf_str(&out), STR("\n\n")));
	assert_false(has(&out, "\nDate: Thu"));
	assert_false(has(&out, "undisclosed"));
	buf_free(&out);
	/* MTA-0627 MTA-0734: ALLOW_EXCLUSIVE=0, and the balancer in front */
	static const struct {
		const char *field;
		bool kept;
	} results[] = {
	    {"Authentication-Results: far.example; all=pass\n", true},
	    {"Authentication-Results:\n\tMX.example.org; all=pass\n", false},
	    {"Authentication-Results: mx.example.org 1; all=pass\n", false},
	    {"Authentication-Results: mx.example.org\n", false},
	    {"Authentication-Results: mx.example.org.far.example; all=pass\n", true},
	};
	j.keep_results = true;
	j.remote_info = STR("10.0.0.1)\n(x");
	for (size_t i = 0; i < ARRAY_LEN(results); i++) {
		assert_int_equal(process(results[i].field, &j, &out), HEADER_OK);
		assert_int_equal(has(&out, "\nAuthentication-Results:"), results[i].kept);
		assert_int_equal(has(&out, "\nOld-Authentication-Results:"), !results[i].kept);
		assert_true(has(&out, "\n  (PROXY: 10.0.0.1???x)\n"));
		buf_free(&out);
	}
}

static void test_header_local(void **state)
{
	struct header_job j = job(true);
	struct buf out;
	(void)state;
	assert_int_equal(
	    process("From mbox line\nFrom: A <alice>\nTo: bob, c@d.e, x!y\n", &j, &out), HEADER_OK);
	assert_true(has(&out, "(uid 1000)"));
	assert_true(has(&out, "\nFrom: A <alice@example.com>\n"));
	assert_true(has(&out, "bob@example.com"));
	assert_true(has(&out, "c@d.e") && has(&out, "x!y"));
	assert_false(has(&out, "mbox line"));
	assert_true(has(&out, "\nDate: "));
	buf_free(&out);

	j.rewrite = HEADER_NO_REWRITE_SIGNED;
	j.add_mime = true;
	assert_int_equal(process("From: alice\nDKIM-Signature: x\n", &j, &out), HEADER_OK);
	assert_true(has(&out, "\nFrom: alice\n"));
	assert_true(has(&out, "\nTo: undisclosed-recipients: ;\n"));
	assert_true(has(&out, "\nContent-Transfer-Encoding: 8bit\n"));
	buf_free(&out);
}

static void test_header_refusals(void **state)
{
	struct header_job j = job(false);
	struct buf out;
	(void)state;
	assert_int_equal(process("Received: 1\nReceived: 2\nReceived: 3\n", &j, &out), HEADER_OK);
	buf_free(&out);
	assert_int_equal(
	    process("Received: 1\nReceived: 2\nReceived: 3\nreceived: 4\n", &j, &out), HEADER_LOOP);
	buf_free(&out);
	assert_int_equal(process("To: x\nthis is no field\n", &j, &out), HEADER_OK);
	assert_true(header_has_junk(STR("To: x\nthis is no field\n")));
	assert_false(header_has_junk(STR("From x Mon\nTo: x\n")));
	buf_free(&out);
	assert_int_equal(process("", &j, &out), HEADER_OK);
	buf_free(&out);
}

/* ---- aliases --------------------------------------------------------------------------------- */

struct seen {
	struct buf dump, instructions, faults;
	struct table_build *build;
};

static int include(void *ctx, struct str path, struct buf *out)
{
	(void)ctx;
	return str_is(path, "/list") &&
		       buf_addz(out, "# people\nl1@far.example, l2\n\nl1@far.example\n")
		   ? 0
		   : -1;
}

static int instruction(void *ctx, struct str name, struct str line)
{
	struct seen *s = ctx;
	return buf_addf(&s->instructions, "%.*s=%.*s;", STR_FMT(name), STR_FMT(line)) ? 0 : -1;
}

static void bad(void *ctx, const char *file, unsigned line, const char *why)
{
	struct seen *s = ctx;
	buf_addf(&s->faults, "%s:%u %s\n", file, line, why);
}

static int keep(void *ctx, struct str key, struct str members)
{
	struct seen *s = ctx;
	struct str line;
	buf_addf(&s->dump, "[%.*s]", STR_FMT(key));
	for (struct str rest = members; str_split(&rest, '\n', &line);)
		buf_addf(&s->dump, "%s%.*s", line.n ? " " : "", STR_FMT(line));
	buf_addc(&s->dump, '\n');
	return s->build ? table_build_put(s->build, key, members, true) : 0;
}

static struct names make_names(void)
{
	struct names n = {.me = STR("mx.example.org"), .defaultdomain = STR("mx.example.org")};
	n.locals = domains_new(STR("mx.example.org\n"), n.me);
	n.hosted = domains_new(STR("hosted.example\n"), n.me);
	return n;
}

static unsigned expand(const char *text, struct seen *s, const char *table)
{
	struct names n = make_names();
	struct alias_hooks hooks = {include, instruction, bad, s};
	struct alias_set *set = alias_set_new(&n, NULL, &hooks);
	*s = (struct seen){0};
	buf_init(&s->dump, 65536);
	buf_init(&s->instructions, 65536);
	buf_init(&s->faults, 65536);
	assert_int_equal(alias_set_add(set, str_of(text), "F"), 0);
	if (table)
		s->build = table_build_begin(table, TABLE_HASH, 0600);
	assert_int_equal(alias_set_each(set, keep, s), 0);
	if (s->build)
		assert_int_equal(table_build_commit(s->build), 0);
	unsigned faults = alias_set_faults(set);
	alias_set_free(set);
	domains_free(n.locals);
	domains_free(n.hosted);
	return faults;
}

static void seen_free(struct seen *s)
{
	buf_free(&s->dump);
	buf_free(&s->instructions);
	buf_free(&s->faults);
}

static const char good_text[] = "# system\n"
				"root: postmaster\n"
				"postmaster: alice,\n"
				"\tbob@far.example ,, alice\n"
				"larry: larry, moe\n"
				"list: :include:/list\n"
				"prog: | /bin/run a, b\n"
				"box: /var/box, root\n"
				"sales@hosted.example: carol@hosted.example\n"
				"@Virtual.Example: dave\n";

static void test_aliases(void **state)
{
	struct seen s;
	(void)state;
	assert_int_equal(expand(good_text, &s, NULL), 0);
	assert_true(has(&s.dump, "[root] alice@mx.example.org bob@far.example\n"));
	assert_true(has(&s.dump, "[larry] larry@mx.example.org moe@mx.example.org\n"));
	assert_true(has(&s.dump, "[list] l1@far.example l2@mx.example.org\n"));
	assert_true(has(&s.dump, "[prog] \".xalias/prog\"@mx.example.org\n"));
	assert_true(has(&s.dump,
	    "[box] \".xalias/box\"@mx.example.org alice@mx.example.org bob@far.example\n"));
	assert_true(has(&s.dump, "[sales@hosted.example] carol@hosted.example\n"));
	assert_true(has(&s.dump, "[@virtual.example] dave\n"));
	assert_string_equal(s.instructions.p, "xalias/prog=| /bin/run a, b;xalias/box=/var/box;");
	seen_free(&s);
}

static void test_alias_faults(void **state)
{
	struct seen s;
	(void)state;
	assert_int_equal(expand("no colon\n: x\na: b@@c\nx: :include:/none\n", &s, NULL), 4);
	assert_true(has(&s.faults, "F:1 "));
	assert_true(has(&s.faults, "F:3 a member is no address"));
	seen_free(&s);
	assert_true(expand("a: b\nb: c\nc: a\n", &s, NULL) > 0);
	assert_true(has(&s.faults, "back to itself"));
	seen_free(&s);
}

static void look(struct table *t, const struct names *n, const char *address, const char *want)
{
	struct arena *a = arena_new(65536);
	struct address addr;
	struct buf out;
	buf_init(&out, 65536);
	assert_int_equal(
	    address_canonical(n, a, str_of(address), STR_NONE, ADDRESS_BARE, &addr), ADDRESS_OK);
	int r = aliases_lookup(t, n, &addr, &out);
	if (r != (want != NULL) || (want && strcmp(out.p, want) != 0))
		fail_msg("%s: %d %s", address, r, out.p);
	buf_free(&out);
	arena_free(a);
}

static void test_alias_table(void **state)
{
	char path[] = "/tmp/submit-aliases-XXXXXX";
	int fd = mkstemp(path);
	struct names n = make_names();
	struct seen s;
	(void)state;
	assert_true(fd >= 0);
	close(fd);
	struct table *t = table_open(path);
	assert_int_equal(expand(good_text, &s, path), 0);
	look(t, &n, "root", "alice@mx.example.org\nbob@far.example\n");
	look(t, &n, "root@mx.example.org", "alice@mx.example.org\nbob@far.example\n");
	look(t, &n, "root@hosted.example", NULL);
	look(t, &n, "postmaster@hosted.example", "alice@mx.example.org\nbob@far.example\n");
	look(t, &n, "sales@hosted.example", "carol@hosted.example\n");
	look(t, &n, "x@virtual.example", "dave-x@mx.example.org\n");
	look(t, &n, "nobody", NULL);
	table_close(t);
	unlink(path);
	seen_free(&s);
	domains_free(n.locals);
	domains_free(n.hosted);
}

/* ---- drop files ------------------------------------------------------------------------------ */

static void test_drop(void **state)
{
	struct gate_rcpt rcpts[] = {
	    {STR("a@b"), STR("rfc822;a\tb\nc"), GATE_NOTIFY_NEVER}, {.address = STR("c")}};
	struct drop d = {.sender = STR("s\\@x"),
			.envid = STR("e i"),
			.ret = 'H',
			.verp = true,
			.rcpts = rcpts,
			.n = 2,
			.bytes = 77},
		    back;
	struct arena *a = arena_new(65536);
	struct buf b;
	size_t body;
	const char *why;
	(void)state;
	buf_init(&b, 4096);
	assert_true(drop_encode(&d, &b));
	buf_addz(&b, "the message\n\n");
	assert_int_equal(drop_decode(buf_str(&b), a, &back, &body, &why), 1);
	assert_true(str_eq(back.sender, d.sender) && str_eq(back.envid, d.envid));
	assert_true(back.ret == 'H' && back.verp && back.n == 2 && back.bytes == 77);
	assert_true(str_eq(back.rcpts[0].orcpt, rcpts[0].orcpt) &&
		    back.rcpts[0].notify == GATE_NOTIFY_NEVER);
	assert_string_equal(b.p + body, "the message\n\n");
	size_t head = body;
	for (size_t n = 0; n < head; n++) /* every cut: not finished, never a message */
		assert_int_equal(drop_decode(str_head(buf_str(&b), n), a, &back, &body, &why), 0);
	buf_free(&b);
	arena_free(a);
}

static void test_drop_faults(void **state)
{
	static const char *const bad[] = {"courier-drop 2\nrcpt a\t\t0\nbytes 1\n\n",
	    "courier-drop 1\nbytes 1\n\n", "courier-drop 1\nrcpt a\t\t0\n\n",
	    "courier-drop 1\nrcpt a\t\t9\nbytes 1\n\n", "courier-drop 1\nrcpt a\t\nbytes 1\n\n",
	    "courier-drop 1\nrcpt \t\t0\nbytes 1\n\n", "courier-drop 1\nrcpt a\t\t0\nbytes -1\n\n",
	    "courier-drop 1\nrcpt a\t\t0\nwhat 1\nbytes 1\n\n",
	    "courier-drop 1\nret X\nrcpt a\t\t0\nbytes 1\n\n",
	    "courier-drop 1\nsender \\x\nrcpt a\t\t0\nbytes 1\n\n"};
	struct arena *a = arena_new(65536);
	struct drop d;
	size_t body;
	const char *why;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (drop_decode(str_of(bad[i]), a, &d, &body, &why) != -1)
			fail_msg("%s", bad[i]);
	arena_free(a);
}

/* ---- frames ---------------------------------------------------------------------------------- */

static void test_frames(void **state)
{
	struct gate_mail m = {.sender = STR("a@b"),
	    .helo = STR("h"),
	    .login = STR("l"),
	    .with = "ESMTPSA",
	    .tls = STR("t"),
	    .envid = STR("e"),
	    .ret = 'F',
	    .body8 = true,
	    .verp = true,
	    .exdata = true,
	    .size = 1ull << 40,
	    .security = STR("STARTTLS"),
	    .binary = true,
	    .requiretls = true,
	    .by_mode = 'N',
	    .by = 1ll << 39,
	    .release = 1ll << 38,
	    .idempotency = STR("k")};
	struct gate_mail_frame f;
	struct gate_rcpt r = {STR("x@y"), STR("rfc822;x@y"), 3}, rb;
	struct gate_policy p = {.deny = true,
			       .reply = {.code = 571, .text = STR("no")},
			       .size_limit = 9,
			       .env = STR("A=b\n")},
			   pb;
	char big[GATE_ADDRESS_MAX + 1];
	struct buf b;
	(void)state;
	buf_init(&b, GATE_FRAME_MAX);
	assert_true(gate_encode_mail(&b, &m) && gate_decode_mail(buf_str(&b), &f));
	assert_true(str_is(f.with, "ESMTPSA") && f.mail.size == m.size && f.mail.ret == 'F');
	assert_true(
	    f.mail.body8 && f.mail.verp && !f.mail.smtputf8 && str_is(f.mail.idempotency, "k"));
	assert_true(str_is(f.mail.security, "STARTTLS") && f.mail.exdata);
	assert_true(f.mail.binary && f.mail.requiretls && !f.mail.by_trace &&
		    f.mail.by_mode == 'N' && f.mail.by == m.by && f.mail.release == m.release);
	for (size_t n = 0; n < b.n; n++)
		assert_false(gate_decode_mail(str_head(buf_str(&b), n), &f));
	buf_addc(&b, 0);
	assert_false(gate_decode_mail(buf_str(&b), &f));
	buf_clear(&b);
	assert_true(gate_encode_rcpt(&b, &r) && gate_decode_rcpt(buf_str(&b), &rb));
	assert_true(str_eq(rb.address, r.address) && rb.notify == 3);
	buf_clear(&b);
	assert_true(gate_encode_policy(&b, &p) && gate_decode_policy(buf_str(&b), &pb));
	assert_true(
	    pb.deny && pb.reply.code == 571 && pb.size_limit == 9 && str_is(pb.env, "A=b\n"));
	buf_clear(&b);
	memset(big, 'x', sizeof(big));
	r.address =
	    str_at(big, sizeof(big)); /* an outsider's long word fails here, not at the gate */
	assert_false(gate_encode_rcpt(&b, &r));
	buf_free(&b);
}

/* ---- the lines of submit --------------------------------------------------------------------- */

static void test_submit_lines(void **state)
{
	struct arena *a = arena_new(65536);
	struct submit_sender s;
	struct gate_rcpt r;
	(void)state;
	assert_null(submit_sender_line(a, STR(""), &s));
	assert_true(s.address.n == 0 && !s.ret && !s.verp);
	assert_null(submit_sender_line(a, STR("a@b\tFV8S{STARTTLS}\tid+20x"), &s));
	assert_true(str_is(s.address, "a@b") && s.ret == 'F' && s.verp && s.utf8);
	assert_true(str_is(s.security, "STARTTLS") && str_is(s.envid, "id x"));
	assert_null(submit_sender_line(a, STR("a@b\tS{NONE}H"), &s));
	assert_true(s.security.n == 0 && s.ret == 'H');
	assert_non_null(submit_sender_line(a, STR("a@b\tS{OTHER}"), &s));
	assert_non_null(submit_sender_line(a, STR("a@b\tS"), &s));
	assert_non_null(submit_sender_line(a, STR("a@b\t\tno+xtext"), &s));
	assert_null(submit_rcpt_line(STR("a b\tSD\trfc822;x@y"), &r));
	assert_true(str_is(r.address, "a b") && str_is(r.orcpt, "rfc822;x@y"));
	assert_int_equal(r.notify, GATE_NOTIFY_SUCCESS | GATE_NOTIFY_DELAY);
	assert_non_null(submit_rcpt_line(STR("\tS"), &r));
	assert_int_equal(submit_notify(STR("SN?")), GATE_NOTIFY_NEVER);
	arena_free(a);
}

static void test_submit_options(void **state)
{
	struct submit_options o;
	const char *wrong;
	const char *good[] = {"submit", "-bcc", "-delay=0", "-rfc3848=X", "-src=smtp", "-vhost=v",
	    "-verp", "esmtp", "dns; x"};
	const char *bad[] = {"submit", "-delay=x", "local", "x"};
	(void)state;
	assert_int_equal(submit_parse_options(ARRAY_LEN(good), good, &o, &wrong), 0);
	assert_true(o.bcc && o.verp && o.hold == 1 && strcmp(o.src, "smtp") == 0);
	assert_int_equal(submit_parse_options(ARRAY_LEN(bad), bad, &o, &wrong), -1);
	assert_string_equal(wrong, "-delay=x");
	assert_int_equal(submit_parse_options(2, good, &o, &wrong), -1);
	assert_null(wrong);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_header_network),
	    cmocka_unit_test(test_header_local),
	    cmocka_unit_test(test_header_refusals),
	    cmocka_unit_test(test_aliases),
	    cmocka_unit_test(test_alias_faults),
	    cmocka_unit_test(test_alias_table),
	    cmocka_unit_test(test_drop),
	    cmocka_unit_test(test_drop_faults),
	    cmocka_unit_test(test_frames),
	    cmocka_unit_test(test_submit_lines),
	    cmocka_unit_test(test_submit_options),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
