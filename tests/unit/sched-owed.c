/*
 * Deliveries that stand in a mailbox without a sync of their own: the message stays in the queue
 * until one is reported, and what is never reported is looked at again, at the place where it
 * stands.
 */
#include "config.h"

#include "courierd/sched.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct {
	struct sched s;
	struct queue *q;
	struct sched_module *local;
	int64_t now;
	uint64_t flying;
	unsigned sent;
	char place[64];
	bool doubt;
	char id[QUEUE_ID_SIZE];
	uint64_t seq;
} w;

static int64_t h_now(void *ctx UNUSED)
{
	return w.now;
}
static int h_deliver(void *ctx UNUSED, struct sched_module *m UNUSED, struct delivery *d)
{
	const struct envelope_rcpt *r = &d->msg->env.rcpts[d->rcpts[0]];
	w.flying = d->id;
	w.sent++;
	snprintf(w.place, sizeof w.place, "%.*s", STR_FMT(r->place));
	w.doubt = r->doubt;
	return 0;
}
static int h_route(
    void *ctx UNUSED, uint32_t question UNUSED, const struct queue_route_ask *ask UNUSED)
{
	return -1;
}
static bool h_generation(void *ctx UNUSED, uint64_t generation UNUSED)
{
	return true;
}
static void h_soon(void *ctx UNUSED) {}
static void h_stuck(void *ctx UNUSED, struct sched_module *m UNUSED) {}
static const struct sched_hooks hooks = {
    h_now, h_deliver, h_route, h_generation, h_soon, h_stuck, NULL, NULL, NULL};

static void begin(void)
{
	memset(&w, 0, sizeof w);
	w.now = 1000000000;
	w.q = queue_open_ram();
	assert_int_equal(sched_init(&w.s, w.q, &hooks, NULL), 0);
	sched_limits_set(
	    &w.s, &(struct sched_limits){.queuetime = 86400, .retryalpha = 60, .modulettl = 600});
	w.local = module_add(&w.s, "local");
	w.local->configured = w.local->up = true;
}

static void turn(void)
{
	for (int i = 0; i < 4; i++) {
		sched_turn(&w.s);
		queue_ram_run(w.q);
	}
}

static void post(void)
{
	struct envelope_rcpt r = {.address = STR("a@example.org"),
	    .module = STR("local"),
	    .host = STR("a"),
	    .notify = NOTIFY_NEVER};
	struct envelope e;
	struct buf b;
	const char *why;
	envelope_init(&e);
	assert_int_equal(queue_reserve(w.q, 1, &w.seq), 0);
	e.id = (struct queue_id){.seq = w.seq, .us = 1};
	e.rcpts = &r;
	e.n_rcpts = 1;
	e.arrival = w.now;
	e.expiry = w.now + 86400;
	e.warn = -1;
	e.generation = 1;
	queue_id_format(&e.id, w.id);
	buf_init(&b, 65536);
	assert_true(envelope_encode(&e, &b));
	struct queue_commit c = {.seq = w.seq, .control = buf_str(&b), .body = STR("x")};
	assert_int_equal(queue_store(w.q, &c, NULL, NULL), 0);
	queue_ram_run(w.q);
	struct message *m = message_new(&w.s, buf_str(&b), &why);
	assert_non_null(m);
	message_start(&w.s, m);
	buf_free(&b);
	turn();
}

static void land(const char *place)
{
	struct delivery *d = module_delivery_find(w.local, w.flying);
	struct module_result r = {.outcome = MODULE_DELIVERED, .place = str_of(place)};
	assert_non_null(d);
	delivery_result(&w.s, d, 0, &r);
	delivery_done(&w.s, d);
	turn();
}

static bool queued(void)
{
	struct buf b;
	buf_init(&b, 65536);
	bool is = queue_peek(w.q, w.seq, &b) == 0;
	buf_free(&b);
	return is;
}

static void end(void)
{
	assert_false(queued());
	assert_int_equal(w.s.n_owed, 0);
	assert_int_equal(w.s.n_loaded, 0);
	sched_free(&w.s);
	queue_close(w.q);
}

static void waits_for_sync(void **state UNUSED)
{
	begin();
	post();
	land("here");
	assert_true(queued());
	assert_int_equal(w.s.n_owed, 1);
	assert_int_equal(sched_active(&w.s), 0); /* it takes no slot meanwhile */
	sched_synced(&w.s, w.local, STR("rubbish"), 0, MODULE_SYNCED);
	sched_synced(&w.s, w.local, str_of(w.id), 1, MODULE_SYNCED);
	turn();
	assert_true(queued());
	sched_synced(&w.s, w.local, str_of(w.id), 0, MODULE_SYNCED);
	sched_synced(&w.s, w.local, str_of(w.id), 0, MODULE_SYNCED);
	turn();
	end();
	assert_int_equal(w.sent, 1);
}

static void again_with_place(bool doubt)
{
	assert_true(queued());
	w.now += 100;
	turn();
	assert_int_equal(w.sent, 2);
	assert_string_equal(w.place, "here");
	assert_true(w.doubt == doubt);
	land("");
	end();
}

static void failed_sync(void **state UNUSED)
{
	begin();
	post();
	land("here");
	sched_synced(&w.s, w.local, str_of(w.id), 0, MODULE_SYNC_FAILED);
	turn();
	again_with_place(true);
}

static void unsure(void **state UNUSED)
{
	begin();
	post();
	land("here");
	sched_synced(&w.s, w.local, str_of(w.id), 0, MODULE_UNSURE);
	turn();
	again_with_place(false);
}

static void module_dies(void **state UNUSED)
{
	begin();
	post();
	land("here");
	module_down(w.local);
	module_up(w.local);
	turn();
	again_with_place(false);
}

static void never_told(void **state UNUSED)
{
	begin();
	post();
	land("here");
	w.now += 700;
	turn();
	again_with_place(false);
}

/* What we are after a kill: the control text alone. */
static void scheduler_dies(void **state UNUSED)
{
	begin();
	post();
	land("here");
	queue_ram_run(w.q);
	sched_free(&w.s);
	assert_int_equal(sched_init(&w.s, w.q, &hooks, NULL), 0);
	w.local = module_add(&w.s, "local");
	w.local->configured = w.local->up = true;
	struct message *m = message_load(&w.s, w.seq);
	assert_non_null(m);
	message_start(&w.s, m);
	turn();
	again_with_place(false);
}

/* It was seen in the mailbox: no report may say that it failed. */
static void cancelled(void **state UNUSED)
{
	begin();
	post();
	land("here");
	sched_synced(&w.s, w.local, str_of(w.id), 0, MODULE_UNSURE);
	turn();
	assert_true(queued());
	assert_int_equal(sched_cancel(&w.s, w.seq, STR("no more")), 0);
	turn();
	end();
	assert_int_equal(w.sent, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(waits_for_sync),
	    cmocka_unit_test(failed_sync), cmocka_unit_test(unsure), cmocka_unit_test(module_dies),
	    cmocka_unit_test(never_told), cmocka_unit_test(scheduler_dies),
	    cmocka_unit_test(cancelled)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
