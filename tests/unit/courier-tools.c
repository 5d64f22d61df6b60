/* The pure parts of the administrator's tools: merging configuration files, converting control
 * files of the original. */
#include "config.h"

#include "courierd/import.h"
#include "courierd/sysconf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char shipped[] = "##VERSION: 2\n#\n# About the file.\n\n"
			      "##NAME: A:0\n# New words for a.\n\nA=default\n\n"
			      "##NAME: B:1\n# b has changed.\n\nB=new\n\n"
			      "##NAME: C:0\n# c\n#\n# C=example\n\n"
			      "##NAME: D:0\n# d is new.\n\nD=4\n\n"
			      "##NAME: E\n\nE=5\n";

static void merge(const char *old, const char *want)
{
	struct buf out;
	buf_init(&out, 65536);
	assert_true(sysconf_merge(str_of(old), str_of(shipped), &out));
	assert_string_equal(out.p, want);
	buf_free(&out);
}

/* MTA-0020 MTA-0530 */
static void sections(void **state UNUSED)
{
	merge(shipped, shipped);
	merge("", shipped);
	merge("##VERSION: 1\n\n##NAME: A:0\n# Old words.\n\nA=\"mine\nand more\"\n\n"
	      "##NAME: B:0\nB=old\n# kept?\nB2=two\n\n"
	      "##NAME: C:0\nC=set\n\n"
	      "##NAME: E:0\n# E=5\n\n"
	      "##NAME: CUSTOM:0\nX=1\n",
	    "##VERSION: 2\n#\n# About the file.\n\n"
	    "##NAME: A:0\n# New words for a.\n\nA=\"mine\nand more\"\n\n"
	    "##NAME: B:1\n# b has changed.\n\nB=new\n\n##OLD: B=old\n##OLD: B2=two\n"
	    "##NAME: C:0\n# c\n#\n# C=example\n\nC=set\n\n"
	    "##NAME: D:0\n# d is new.\n\nD=4\n\n"
	    "##NAME: E\n\n"
	    "##NAME: CUSTOM:0\nX=1\n");
	merge("##VERSION: 1\nEARLY=1\n##NAME: A:0\nA=default",
	    "##VERSION: 2\n#\n# About the file.\n\nEARLY=1\n##NAME: A:0\n# New words for "
	    "a.\n\nA=default\n"
	    "##NAME: B:1\n# b has changed.\n\nB=new\n\n"
	    "##NAME: C:0\n# c\n#\n# C=example\n\n"
	    "##NAME: D:0\n# d is new.\n\nD=4\n\n##NAME: E\n\nE=5\n");
}

/* MTA-0020: doing it twice changes nothing more. */
static void twice(void **state UNUSED)
{
	struct buf once, again;
	buf_init(&once, 65536);
	buf_init(&again, 65536);
	assert_true(sysconf_merge(STR("##NAME: B:0\nB=old\n"), str_of(shipped), &once));
	assert_true(sysconf_merge(buf_str(&once), str_of(shipped), &again));
	assert_string_equal(once.p, again.p);
	buf_free(&once);
	buf_free(&again);
}

static bool convert(const char *text, struct arena *a, struct buf *out, struct envelope *e,
    struct str *old, const char **why)
{
	struct import_facts f = {.id = {.seq = 77, .us = 5, .slot = 6},
	    .uid = 1001,
	    .size = 358,
	    .mtime = 1795703000,
	    .queuetime = 604800};
	int64_t next;
	buf_clear(out);
	if (!import_convert(str_of(text), &f, a, out, old, &next, why))
		return false;
	assert_int_equal(envelope_decode(buf_str(out), a, e, why), 0);
	assert_int_equal(next, e->next);
	return true;
}

/* A message with everything: MTA-2212 MTA-2213 MTA-2214 MTA-2215 MTA-2216 MTA-2217 MTA-2218
 * MTA-2219 MTA-2220 MTA-2221 MTA-2222 MTA-2223 MTA-2224 MTA-2225 MTA-2226 MTA-2227 MTA-2228
 * MTA-2229 MTA-2230 MTA-2231 MTA-2232 MTA-2233 MTA-2234 MTA-2235 MTA-2236 */
static void whole_message(void **state UNUSED)
{
	static const char text[] =
	    "salice@example.test\nfdns; client.test (host.test [192.0.2.1])\neenv+2Did\ntH\nV\n"
	    "ialice\nM0000000000A7A9FD.000000006B0841D0.0000004B\nL0\n"
	    "rx@far.test\nRrfc822;x@first.test\nNSD\nry@far.test\nR\nN\nrz@other.test\nR\nNN\n"
	    "rq@other.test\nR\nN\n"
	    "ORELAYCLIENT=\nOTCPREMOTEIP=192.0.2.1\nvshop\nuauthsmtp\n8\nm\nUSTARTTLS\n"
	    "E1796308048\np1795732048\nW1795717648\nT\nA1795703248\n"
	    "I2 R Connection refused\nI0 P mx.far.test [192.0.2.9]\nD2 1795703248\n"
	    "I0 R 250 Ok.\nS0 1795703249 r\nI1 S RCPT TO:<y@far.test>\nI1 R 550 No.\nF1 "
	    "1795703250\n"
	    "S3 1795703251 l\nC1795703252\nA1795703552\nC1795703560\nw\nA1795703860\nXenough\n"
	    "D2 17957";
	struct arena *a = arena_new(1 << 22);
	struct envelope e;
	struct str old;
	struct buf out;
	const char *why = NULL;
	buf_init(&out, 65536);
	assert_true(convert(text, a, &out, &e, &old, &why));
	assert_true(str_is(old, "0000000000A7A9FD.000000006B0841D0.0000004B"));
	assert_int_equal(e.id.seq, 77);
	assert_int_equal(e.uid, 1001);
	assert_int_equal(e.size, 358);
	assert_int_equal(e.arrival, 0x6B0841D0);
	assert_int_equal(e.expiry, 1796308048);
	assert_int_equal(e.warn, 1795717648);
	assert_int_equal(e.next, 1795703860);
	assert_int_equal(e.rounds, 2);
	assert_true(e.warned && e.verp && e.body8 && e.headers8 && e.track && e.ret == 'H');
	assert_true(str_is(e.sender, "alice@example.test") && str_is(e.login, "alice") &&
		    str_is(e.source, "authsmtp") && str_is(e.vhost, "shop") &&
		    str_is(e.security, "STARTTLS") && str_is(e.envid, "env+2Did") &&
		    str_is(e.cancelled, "enough"));
	assert_true(str_is(e.from_mta, "dns; client.test (host.test [192.0.2.1])"));
	assert_int_equal(e.n_env, 2);
	assert_int_equal(e.n_rcpts, 4);
	assert_int_equal(e.rcpts[0].state, RCPT_RELAYED);
	assert_int_equal(e.rcpts[0].notify, NOTIFY_SUCCESS | NOTIFY_DELAY);
	assert_true(str_is(e.rcpts[0].orcpt, "rfc822;x@first.test"));
	assert_true(str_is(e.rcpts[0].peer, "mx.far.test [192.0.2.9]"));
	assert_int_equal(e.rcpts[1].state, RCPT_FAILED);
	assert_true(
	    str_is(e.rcpts[1].sent, "RCPT TO:<y@far.test>") && str_is(e.rcpts[1].reply, "550 No."));
	assert_int_equal(e.rcpts[2].state, RCPT_DEFERRED);
	assert_int_equal(e.rcpts[2].notify, NOTIFY_NEVER);
	assert_int_equal(e.rcpts[3].state, RCPT_DELIVERED);
	assert_true(e.rcpts[3].local && !e.rcpts[3].module.n);
	buf_free(&out);
	arena_free(a);
}

static void faulty_messages(void **state UNUSED)
{
	static const char *const bad[] = {"", "x\n", "s\nra@b\n", "s\nM1.2.3\n",
	    "M0000000000A7A9FD.000000006B0841D0.0000004B\n",
	    "s\nM0000000000A7A9FD.000000006B0841D0.0000004B\n",
	    "s\nM0000000000A7A9FD.000000006B0841D0.0000004B\nra@b\nR\nN\nD7 1\n"};
	struct arena *a = arena_new(1 << 22);
	struct envelope e;
	struct str old;
	struct buf out;
	buf_init(&out, 65536);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const char *why = NULL;
		assert_false(convert(bad[i], a, &out, &e, &old, &why));
		assert_non_null(why);
	}
	buf_free(&out);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(sections), cmocka_unit_test(twice),
	    cmocka_unit_test(whole_message), cmocka_unit_test(faulty_messages)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
