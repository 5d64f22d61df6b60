/* Envelopes and journal records: pure bytes. */
#include "config.h"

#include "queue/envelope.h"
#include "queue/journal-record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void ids(void **state UNUSED)
{
	char text[QUEUE_ID_SIZE];
	struct queue_id id = {0x1234, 0xabcdef, 7}, back;
	queue_id_format(&id, text);
	assert_string_equal(text, "0000000000001234.0000000000ABCDEF.00000007");
	assert_true(queue_id_parse(str_of(text), &back));
	assert_true(back.seq == id.seq && back.us == id.us && back.slot == id.slot);
	assert_false(queue_id_parse(STR("0000000000001234.0000000000abcdef.00000007"), &back));
	assert_false(queue_id_parse(STR("0000000000001234.0000000000ABCDEF.0000007"), &back));
}

static struct envelope_rcpt rcpts[] = {
    {.address = STR_INIT("a@example.org"),
	.orcpt = STR_INIT("rfc822;o@x"),
	.notify = NOTIFY_SUCCESS | NOTIFY_DELAY,
	.module = STR_INIT("local"),
	.host = STR_INIT("u!\t!1"),
	.to = STR_INIT("a")},
    {.address = STR_INIT("b@example.org"), .notify = NOTIFY_NEVER},
};

static struct envelope sample(void)
{
	struct envelope e;
	envelope_init(&e);
	e.id = (struct queue_id){5, 6, 7};
	e.sender = STR("s@example.org");
	e.envid = STR("env");
	e.from_mta = STR("dns; helo (host [1.2.3.4])");
	e.login = STR("login");
	e.source = STR("smtp");
	e.vhost = STR("v");
	e.security = STR("STARTTLS");
	e.ret = 'F';
	e.verp = e.body8 = e.smtputf8 = e.track = true;
	e.uid = 1000;
	e.size = 12345;
	e.arrival = 100;
	e.expiry = 1LL << 34;
	e.warn = -1;
	e.generation = 0xfeedULL << 40;
	e.tls = 'R';
	e.by = 1LL << 35;
	e.by_mode = 'N';
	e.by_trace = true;
	e.release = 1LL << 36;
	e.rcpts = rcpts;
	e.n_rcpts = 2;
	static struct str env[] = {STR_INIT("RELAYCLIENT=")};
	e.env = env;
	e.n_env = 1;
	return e;
}

static void envelope_round_trip(void **state UNUSED)
{
	struct envelope e = sample(), back;
	struct buf b;
	const char *why;
	buf_init(&b, 65536);
	assert_true(envelope_encode(&e, &b));
	struct arena *a = arena_new(65536);
	assert_int_equal(envelope_decode(buf_str(&b), a, &back, &why), 0);
	assert_true(back.id.seq == 5 && back.id.us == 6 && back.id.slot == 7);
	assert_true(str_eq(back.sender, e.sender) && str_eq(back.envid, e.envid) &&
		    str_eq(back.from_mta, e.from_mta));
	assert_true(str_eq(back.login, e.login) && str_eq(back.source, e.source) &&
		    str_eq(back.vhost, e.vhost));
	assert_true(str_eq(back.security, e.security) && back.ret == 'F' && back.verp &&
		    back.body8 && back.smtputf8 && back.track && !back.headers8);
	assert_true(back.uid == 1000 && back.size == 12345 && back.arrival == 100 &&
		    back.expiry == 1LL << 34 && back.warn == -1);
	assert_true(back.generation == e.generation && back.delay == -1 && back.n_env == 1);
	assert_true(back.tls == 'R' && back.by == e.by && back.by_mode == 'N' && back.by_trace &&
		    back.release == e.release);
	assert_int_equal(back.n_rcpts, 2);
	assert_true(str_eq(back.rcpts[0].host, rcpts[0].host) &&
		    back.rcpts[0].notify == (NOTIFY_SUCCESS | NOTIFY_DELAY));
	assert_true(back.rcpts[1].notify == NOTIFY_NEVER && !back.rcpts[1].module.n &&
		    str_eq(back.rcpts[0].orcpt, rcpts[0].orcpt));
	arena_free(a);
	buf_free(&b);
}

static void envelope_history(void **state UNUSED)
{
	struct envelope e = sample(), back;
	struct buf b;
	const char *why;
	buf_init(&b, 65536);
	envelope_encode(&e, &b);
	struct envelope_result r = {.num = 0,
	    .state = RCPT_DEFERRED,
	    .when = 200,
	    .peer = STR("mx [1.2.3.4]"),
	    .reply = STR("450-a\n450 b"),
	    .status = STR("4.2.0")};
	envelope_add_result(&b, &r);
	envelope_add_round(&b, 201);
	envelope_add_next(&b, 500);
	r = (struct envelope_result){.num = 0,
	    .state = RCPT_FAILED,
	    .when = 600,
	    .reply = STR("550 evil\r\nS1 1\x01"),
	    .status = STR("5.1.1")};
	envelope_add_result(&b, &r);
	r = (struct envelope_result){.num = 1, .state = RCPT_RELAYED, .when = 601};
	envelope_add_result(&b, &r);
	envelope_add_reported(&b, 0);
	envelope_add_key(&b, STR("t\tx"), STR("id"));
	envelope_add_report(&b, STR("t"));
	envelope_add_route(&b, 1, STR("esmtp"), STR("example.org"), STR("b@example.org"));
	envelope_add_warned(&b);
	struct arena *a = arena_new(65536);
	assert_int_equal(envelope_decode(buf_str(&b), a, &back, &why), 0);
	assert_true(back.rcpts[0].state == RCPT_FAILED && back.rcpts[0].reported &&
		    !back.rcpts[1].reported);
	assert_true(str_is(back.rcpts[0].status, "5.1.1") && !back.rcpts[0].peer.n);
	assert_true(str_is(back.rcpts[0].reply, "550 evil\nS1 1?"));
	assert_true(back.rcpts[1].state == RCPT_RELAYED && str_is(back.rcpts[1].module, "esmtp"));
	assert_true(back.rounds == 1 && back.next == 500 && back.reports == 1 && back.warned);
	assert_true(back.n_keys == 1 && str_is(back.keys[0].token, "t\tx"));
	/* A torn last line is as if it were not there. */
	buf_addz(&b, "X torn");
	assert_int_equal(envelope_decode(buf_str(&b), a, &back, &why), 0);
	assert_null(back.cancelled.p);
	arena_free(a);
	buf_free(&b);
}

static void envelope_refused(void **state UNUSED)
{
	static const char *const wrong[] = {"", "x", "rfoo\n", "s\nM1\n", "s\n",
	    "s\nM0000000000000005.0000000000000006.00000007\nS0 1\n",
	    "s\nM0000000000000005.0000000000000006.00000007\nR\n",
	    "s\nM0000000000000005.0000000000000006.00000007\nra\nF0 x\n",
	    "s\nM0000000000000005.0000000000000006.00000007\nra\nI0\n",
	    "s\nM0000000000000005.0000000000000006.00000007\nEx\n"};
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct envelope e;
		const char *why = NULL;
		struct arena *a = arena_new(4096);
		assert_int_equal(envelope_decode(str_of(wrong[i]), a, &e, &why), -1);
		assert_non_null(why);
		arena_free(a);
	}
}

/* A segment of three groups: 2, 1 and 3 records. */
enum { SEGMENT = 3, RECORDS = 6 };
static size_t ends[RECORDS];

static void build(struct buf *b)
{
	static const uint32_t group[RECORDS] = {1, 1, 2, 3, 3, 3};
	static const uint8_t flags[RECORDS] = {JOURNAL_FIRST, JOURNAL_LAST,
	    JOURNAL_FIRST | JOURNAL_LAST, JOURNAL_FIRST, 0, JOURNAL_LAST};
	buf_init(b, 65536);
	memset(buf_reserve(b, JOURNAL_START), 0, JOURNAL_START);
	b->n = JOURNAL_START;
	journal_segment_head(b->p, SEGMENT, 65536);
	for (unsigned i = 0; i < RECORDS; i++) {
		char head[JOURNAL_HEAD], payload[40];
		memset(payload, 'a' + (int)i, sizeof payload);
		size_t n = 10 + 5 * i;
		struct journal_record r = {.type = JOURNAL_APPEND, .id = i + 1, .aux = i};
		journal_head(head, &r, n);
		journal_head_group(head, SEGMENT, group[i], flags[i], str_at(payload, n));
		buf_add(b, head, sizeof head);
		buf_add(b, payload, n);
		while (b->n % 8)
			buf_addc(b, 0);
		ends[i] = b->n;
	}
	buf_add(b, "leftover of a former life", 25);
}

struct seen {
	unsigned n;
	uint64_t ids[RECORDS];
};

static bool see(void *ctx, const struct journal_record *r)
{
	struct seen *s = ctx;
	assert_true(s->n < RECORDS);
	assert_int_equal(r->aux, r->id - 1);
	for (size_t i = 0; i < r->payload.n; i++)
		assert_int_equal(r->payload.p[i], 'a' + (int)r->id - 1);
	s->ids[s->n++] = r->id;
	return true;
}

static void journal_cut(void **state UNUSED)
{
	struct buf b;
	build(&b);
	for (size_t n = 0; n <= b.n; n++) {
		struct seen s = {0};
		struct journal_damage d;
		journal_scan(str_at(b.p, n), SEGMENT, &d, see, &s);
		unsigned want = n >= ends[5] - 2   ? 6
				: n >= ends[2] - 4 ? 3
				: n >= ends[1] - 1 ? 2
						   : 0;
		/* padding is not part of a record: allow it to be cut */
		unsigned whole = 0;
		for (unsigned i = 0; i < RECORDS; i++)
			if (n >= ends[i] - 7)
				whole = i + 1;
		assert_true(s.n == 0 || s.n == 2 || s.n == 3 || s.n == 6);
		assert_true(s.n <= whole);
		if (n == ends[5] || n == ends[2] || n == ends[1])
			assert_int_equal(s.n, want);
		assert_int_equal(d.gaps, 0);
	}
	buf_free(&b);
}

/* One flipped bit costs one record at most; in the last group it costs the group. */
static void journal_flip(void **state UNUSED)
{
	struct buf b;
	build(&b);
	for (size_t at = JOURNAL_START; at < ends[5]; at++) {
		struct seen s = {0};
		struct journal_damage d;
		b.p[at] ^= 0x10;
		journal_scan(buf_str(&b), SEGMENT, &d, see, &s);
		b.p[at] ^= 0x10;
		if (at >= ends[2])
			assert_true(s.n == 3 || s.n == 6);
		else
			assert_true(s.n >= 5);
	}
	struct seen s = {0};
	struct journal_damage d;
	assert_int_equal(journal_scan(buf_str(&b), SEGMENT + 1, &d, see, &s), 0);
	memset(b.p, 0, JOURNAL_SEGMENT_HEAD);
	assert_int_equal(journal_scan(buf_str(&b), SEGMENT, &d, see, &s), 6);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(ids),
	    cmocka_unit_test(envelope_round_trip), cmocka_unit_test(envelope_history),
	    cmocka_unit_test(envelope_refused), cmocka_unit_test(journal_cut),
	    cmocka_unit_test(journal_flip)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
