/* The protocol between scheduler and modules: what goes in comes out, and nothing else is taken. */
#include "config.h"

#include "module/module-proto.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct module_rcpt rcpts[] = {
    {.num = 0, .address = STR_INIT("a@example.org"), .notify = 3},
    {.num = 7,
	.address = STR_INIT("odd\taddress\n\\@x"),
	.orcpt = STR_INIT("rfc822;o\n@x"),
	.notify = 8,
	.place = STR_INIT("run /odd\tpath"),
	.doubt = true},
};

static struct module_delivery sample(void)
{
	return (struct module_delivery){.delid = 42,
	    .id = STR("0001.02.03"),
	    .sender = STR("s@example.org"),
	    .host = STR("u!e!1!2!/home/u!./Maildir!"),
	    .envid = STR("e\nv"),
	    .ret = 'H',
	    .body8 = true,
	    .verp = true,
	    .vhost = STR("v"),
	    .login = STR("l"),
	    .source = STR("smtp"),
	    .security = STR("STARTTLS"),
	    .requiretls = true,
	    .by = 1LL << 34,
	    .by_mode = 'R',
	    .by_trace = true,
	    .release = 77,
	    .arrived = 1,
	    .expires = 1LL << 33,
	    .size = 5,
	    .rcpts = rcpts,
	    .n_rcpts = 2,
	    .extra = "one\ttwo\n",
	    .extra_n = 8};
}

static void compare(const struct module_delivery *d)
{
	struct module_delivery s = sample();
	assert_int_equal(d->delid, 42);
	assert_true(str_eq(d->id, s.id) && str_eq(d->sender, s.sender) && str_eq(d->host, s.host));
	assert_true(
	    str_eq(d->envid, s.envid) && str_eq(d->vhost, s.vhost) && str_eq(d->login, s.login));
	assert_true(str_eq(d->source, s.source) && str_eq(d->security, s.security));
	assert_true(d->ret == 'H' && d->body8 && d->verp && !d->headers8 && !d->smtputf8 &&
		    !d->durable_elsewhere);
	assert_int_equal(d->expires, 1LL << 33);
	assert_true(d->requiretls && !d->tls_optional && d->by == 1LL << 34 && d->by_mode == 'R' &&
		    d->by_trace && d->release == 77);
	assert_int_equal(d->n_rcpts, 2);
	assert_true(str_eq(d->rcpts[1].address, rcpts[1].address) &&
		    str_eq(d->rcpts[1].orcpt, rcpts[1].orcpt));
	assert_int_equal(d->rcpts[1].num, 7);
	assert_int_equal(d->rcpts[1].notify, 8);
	assert_true(!d->rcpts[0].place.n && !d->rcpts[0].doubt);
	assert_true(str_eq(d->rcpts[1].place, rcpts[1].place) && d->rcpts[1].doubt);
	assert_int_equal(d->extra_n, 8);
	assert_string_equal(d->extra, "one\ttwo\n");
}

static void delivery_round_trip(void **state UNUSED)
{
	struct module_delivery d = sample(), back;
	struct buf b;
	struct str body;
	uint64_t offset;
	buf_init(&b, 65536);
	assert_true(module_encode_delivery(&d, 5, 0, &b));
	buf_addz(&b, "he\nlo");
	struct arena *a = arena_new(65536);
	assert_int_equal(module_decode_delivery(buf_str(&b), a, &back, &body, &offset), 0);
	assert_true(str_is(body, "he\nlo"));
	compare(&back);
	buf_clear(&b);
	assert_true(module_encode_delivery(&d, -1, 4096, &b));
	assert_int_equal(module_decode_delivery(buf_str(&b), a, &back, &body, &offset), 0);
	assert_null(body.p);
	assert_int_equal(offset, 4096);
	compare(&back);
	arena_free(a);
	buf_free(&b);
}

/* Cut anywhere it is refused: the length of the body is part of it. */
static void delivery_cut(void **state UNUSED)
{
	struct module_delivery d = sample(), back;
	struct buf b;
	struct str body;
	uint64_t offset;
	buf_init(&b, 65536);
	module_encode_delivery(&d, 5, 0, &b);
	buf_addz(&b, "hello");
	for (size_t n = 0; n < b.n; n++) {
		struct arena *a = arena_new(65536);
		assert_int_equal(
		    module_decode_delivery(str_at(b.p, n), a, &back, &body, &offset), -1);
		arena_free(a);
	}
	buf_free(&b);
}

static void result_round_trip(void **state UNUSED)
{
	struct module_result r = {.outcome = MODULE_FAILED,
	    .code = 550,
	    .status = STR("5.1.1"),
	    .diagnostic = STR("550-no\n550 never"),
	    .remote = STR("mx [1.2.3.4]"),
	    .command = STR("RCPT TO:<x>"),
	    .place = STR("run /a\nb"),
	    .no_reports = true,
	    .connection = true};
	struct module_result back;
	struct buf b;
	uint64_t delid;
	uint32_t num;
	bool done;
	buf_init(&b, 65536);
	struct arena *a = arena_new(65536);
	assert_true(module_encode_result(9, 3, &r, true, &b));
	assert_int_equal(module_decode_result(buf_str(&b), a, &delid, &num, &back, &done), 0);
	assert_true(
	    delid == 9 && num == 3 && done && back.outcome == MODULE_FAILED && back.code == 550);
	assert_true(str_eq(back.diagnostic, r.diagnostic) && str_eq(back.remote, r.remote));
	assert_true(str_eq(back.command, r.command) && str_eq(back.status, r.status));
	assert_true(str_eq(back.place, r.place));
	assert_true(back.connection && back.no_reports && !back.peer_dsn);
	buf_clear(&b);
	module_encode_done(77, &b);
	assert_int_equal(module_decode_done(buf_str(&b), &delid), 0);
	assert_int_equal(delid, 77);
	arena_free(a);
	buf_free(&b);
}

static void result_refused(void **state UNUSED)
{
	static const char *const wrong[] = {
	    "",
	    "delivery\t1\n",
	    "delivery\t1\nrcpt\t1\n",
	    "delivery\t1\nrcpt\tx\noutcome\tfailed\n",
	    "delivery\t1\nrcpt\t1\noutcome\tperhaps\n",
	    "delivery\t1\nrcpt\t1\noutcome\tfailed",
	    "delivery\t1\nrcpt\t1\noutcome\tfailed\ncode\t1000\n",
	    "delivery\t1\nrcpt\t1\noutcome\tfailed\nstatus\ta\\x\n",
	    "rcpt\t1\noutcome\tfailed\n",
	    "delivery\t9223372036854775808\nrcpt\t1\noutcome\tfailed\n",
	};
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct module_result r;
		uint64_t delid;
		uint32_t num;
		bool done;
		struct arena *a = arena_new(4096);
		assert_int_equal(
		    module_decode_result(str_of(wrong[i]), a, &delid, &num, &r, &done), -1);
		arena_free(a);
	}
}

static unsigned told[3];

static void tell(void *ctx UNUSED, struct str id, uint32_t num, enum module_sync how)
{
	assert_true(str_starts(id, STR("id")) && num < 2);
	told[how]++;
}

static void synced_round_trip(void **state UNUSED)
{
	static const struct module_owed owed[] = {{"id1", 0}, {"id2", 1}};
	struct buf b;
	buf_init(&b, 65536);
	for (int how = 0; how < 3; how++)
		assert_true(
		    module_encode_synced(owed, how + 1 < 2 ? 1 : 2, (enum module_sync)how, &b));
	assert_int_equal(module_decode_synced(buf_str(&b), tell, NULL), 0);
	assert_true(
	    told[MODULE_SYNCED] == 1 && told[MODULE_UNSURE] == 2 && told[MODULE_SYNC_FAILED] == 2);
	static const char *const wrong[] = {
	    "synced\tid1\n", "synced\tid1\tx\n", "synced\tid1\t1", "synced", "failed\tid1\t-1\n"};
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(module_decode_synced(str_of(wrong[i]), tell, NULL), -1);
	assert_int_equal(module_decode_synced(STR("later\tword\n"), tell, NULL), 0);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(delivery_round_trip),
	    cmocka_unit_test(delivery_cut), cmocka_unit_test(result_round_trip),
	    cmocka_unit_test(result_refused), cmocka_unit_test(synced_round_trip)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
