/*
 * Who gets slots and memory, and when: over virtual time, with hosts whose names say how they are:
 * "live" takes a message in a second, "slow" in a hundred, "busy" says later, "dead" does not
 * answer within a minute.
 */
#include "config.h"

#include "courierd/sched.h"
#include "dsn/dsn-history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { EPOCH = 1000000000, HOUR = 3600, DAY = 24 * HOUR, FLIGHTS = 64, TIMES = 400 };

static struct {
	struct sched s;
	struct queue *q;
	int64_t now;
	bool soon;
	struct {
		struct sched_module *m;
		uint64_t id;
		int64_t lands;
	} air[FLIGHTS];
	size_t n_air, most_loaded, most_air;
	struct {
		char host[40];
		uint64_t seq;
		size_t n;
		int64_t at;
	} tried[TIMES];
	size_t n_tried;
	unsigned warned, failed, done[4]; /* by kind of host */
	int64_t last_done[4];
} w;

static const char *const kinds[] = {"live", "slow", "busy", "dead"};
enum { LIVE, SLOW, BUSY, DEAD, OTHER };

static unsigned kind(const char *host)
{
	unsigned k = 0;
	while (k < OTHER && strncmp(host, kinds[k], 4) != 0)
		k++;
	return k;
}

static int64_t h_now(void *ctx UNUSED)
{
	return w.now;
}
static void h_soon(void *ctx UNUSED)
{
	w.soon = true;
}
static bool h_generation(void *ctx UNUSED, uint64_t generation UNUSED)
{
	return true;
}
static int h_route(void *ctx UNUSED, uint32_t q UNUSED, const struct queue_route_ask *ask UNUSED)
{
	return -1;
}
static void h_stuck(void *ctx UNUSED, struct sched_module *m UNUSED) {}

static int h_deliver(void *ctx UNUSED, struct sched_module *m, struct delivery *d)
{
	static const int64_t takes[] = {1, 100, 0, 60, 1};
	if (w.n_air == FLIGHTS)
		return -1;
	w.air[w.n_air].m = m;
	w.air[w.n_air].id = d->id;
	w.air[w.n_air++].lands = w.now + takes[kind(d->dest->host)];
	if (w.n_air > w.most_air)
		w.most_air = w.n_air;
	if (w.n_tried < TIMES) {
		snprintf(w.tried[w.n_tried].host, sizeof w.tried[0].host, "%s", d->dest->host);
		w.tried[w.n_tried].seq = d->msg->seq;
		w.tried[w.n_tried].n = d->report ? 0 : d->n;
		w.tried[w.n_tried++].at = w.now;
	}
	return 0;
}

static const struct sched_hooks hooks = {
    h_now, h_deliver, h_route, h_generation, h_soon, h_stuck, NULL, NULL, NULL};

static void report_taken(const struct message *m)
{
	struct arena *a = arena_new(1 << 20);
	struct dsn_history h;
	assert_int_equal(dsn_history_read(a, buf_str(&m->history), &h), 0);
	for (size_t i = 0; i < h.n; i++) {
		w.warned += h.recipients[i].action == DSN_DELAYED;
		w.failed += h.recipients[i].action == DSN_FAILED;
	}
	arena_free(a);
}

static void land(size_t k)
{
	static const struct module_result good = {.outcome = MODULE_DELIVERED},
					  later = {.outcome = MODULE_DEFERRED},
					  gone = {.outcome = MODULE_DEFERRED,
					      .connection = true,
					      .diagnostic = STR_INIT("no answer")};
	struct delivery *d = module_delivery_find(w.air[k].m, w.air[k].id);
	w.air[k] = w.air[--w.n_air];
	unsigned what = kind(d->dest->host);
	for (size_t i = 0; i < d->n; i++) {
		if (d->report)
			report_taken(d->msg);
		delivery_result(&w.s, d, d->rcpts[i],
		    what == DEAD   ? &gone
		    : what == BUSY ? &later
				   : &good);
	}
	if (what < OTHER) {
		w.done[what]++;
		w.last_done[what] = w.now;
	}
	delivery_done(&w.s, d);
}

static struct sched_module *add_module(
    const char *name, unsigned dels, unsigned host, unsigned rcpt)
{
	struct sched_module *m = module_add(&w.s, name);
	m->configured = true;
	m->maxrcpt = rcpt;
	m->maxdels = dels;
	m->maxhost = host;
	module_up(m);
	return m;
}

static void begin(struct sched_limits l)
{
	l.queuetime = 7 * DAY;
	l.retryalpha = 300;
	l.retrygamma = 900;
	l.retrybeta = l.retrymaxdelta = 3;
	memset(&w, 0, sizeof w);
	w.now = EPOCH;
	w.q = queue_open_ram();
	assert_int_equal(sched_init(&w.s, w.q, &hooks, NULL), 0);
	add_module("esmtp", 8, 3, 5);
	add_module("dsn", 2, 2, 1);
	sched_limits_set(&w.s, &l);
}

static void end(void)
{
	queue_ram_run(w.q);
	sched_free(&w.s);
	queue_close(w.q);
}

static int64_t warn_after;
static bool verp;
static uint8_t notify;

/* A message for n recipients of a host, put on the disk. */
static uint64_t store(const char *host, size_t n)
{
	struct envelope e;
	struct envelope_rcpt rcpts[32] = {0};
	struct buf b;
	envelope_init(&e);
	queue_reserve(w.q, 1, &e.id.seq);
	e.sender = STR("s@example.org");
	e.n_rcpts = n;
	e.rcpts = rcpts;
	e.expiry = w.now + 7 * DAY;
	e.warn = warn_after ? w.now + warn_after : -1;
	e.verp = verp;
	for (size_t i = 0; i < n; i++)
		rcpts[i] = (struct envelope_rcpt){.address = STR("r@example.org"),
		    .module = STR("esmtp"),
		    .host = str_of(host),
		    .notify = notify,
		    .to = STR("x")};
	buf_init(&b, 65536);
	envelope_encode(&e, &b);
	struct queue_commit c = {.seq = e.id.seq, .control = buf_str(&b), .body = STR("body")};
	assert_int_equal(queue_store(w.q, &c, NULL, NULL), 0);
	queue_ram_run(w.q);
	assert_int_equal(queue_settle(w.q, e.id.seq, w.now), 0);
	assert_true(index_add(&w.s.index, e.id.seq, w.now));
	buf_free(&b);
	return e.id.seq;
}

static void step(int64_t until)
{
	for (size_t k = 0; k < w.n_air;)
		if (w.air[k].lands <= w.now)
			land(k);
		else
			k++;
	w.soon = false;
	int64_t next = sched_turn(&w.s);
	if (w.s.n_loaded > w.most_loaded)
		w.most_loaded = w.s.n_loaded;
	if (queue_ram_run(w.q) || w.soon)
		return;
	for (size_t k = 0; k < w.n_air; k++)
		if (w.air[k].lands < next)
			next = w.air[k].lands;
	w.now = next < until ? next : until;
}

static void run_until(int64_t until)
{
	for (unsigned n = 0; w.now < until && (w.s.n_loaded || sched_waiting(&w.s)); n++) {
		assert_true(n < 2000000);
		step(until);
	}
}

/* MTA-0213 MTA-0209 MTA-0210 MTA-0211 MTA-0212 MTA-0206: the pauses of a message that is never
 * taken, to the last attempt when queuetime is over; then it goes back, with one report. */
static void curve(const char *host, int64_t takes)
{
	static const int64_t minutes[] = {
	    5, 5, 5, 15, 5, 5, 30, 5, 5, 60, 5, 5, 120, 5, 5, 120, 5, 5};
	begin((struct sched_limits){.queuelo = 20});
	store(host, 1);
	run_until(EPOCH + 8 * DAY);
	assert_int_equal(w.s.n_loaded + sched_waiting(&w.s), 0);
	int64_t at = EPOCH;
	for (size_t i = 0; i < ARRAY_LEN(minutes); i++) {
		assert_int_equal(w.tried[i].at, at);
		at += takes + 60 * minutes[i];
	}
	assert_true(w.n_tried > 100);
	assert_int_equal(w.tried[w.n_tried - 2].at, EPOCH + 7 * DAY);
	assert_int_equal(w.failed, 1);
	end();
}

static void curve_of_refusals(void **state UNUSED)
{
	curve("busy", 0);
}

static void curve_of_a_dead_host(void **state UNUSED)
{
	curve("dead", 60);
}

/* MTA-0208: one warning, after the first attempt that is later than warntime. */
static void warning(void **state UNUSED)
{
	begin((struct sched_limits){.queuelo = 20});
	warn_after = 4 * HOUR;
	store("busy", 2);
	run_until(EPOCH + 4 * HOUR - 1);
	assert_int_equal(w.warned, 0);
	run_until(EPOCH + 7 * HOUR);
	assert_int_equal(w.warned, 2);
	run_until(EPOCH + 8 * DAY);
	assert_int_equal(w.warned, 2);
	assert_int_equal(w.failed, 2);
	warn_after = 0;
	end();
}

/* MTA-0507: who did not ask for it is not told, but for a failure. */
static void quiet_warning(void **state UNUSED)
{
	begin((struct sched_limits){.queuelo = 20, .quiet_delays = true});
	warn_after = 4 * HOUR;
	store("busy", 1);
	notify = NOTIFY_DELAY | NOTIFY_FAILURE;
	store("busy", 1);
	notify = warn_after = 0;
	run_until(EPOCH + 8 * DAY);
	assert_int_equal(w.warned, 1);
	assert_int_equal(w.failed, 2);
	end();
}

/* MTA-0221: late mail goes to the backup relay at its next attempt; nobody is warned; young mail
 * for the same host is not drawn along. */
static void backup_relay(void **state UNUSED)
{
	struct sched_limits l = {.queuelo = 20};
	snprintf(l.backuprelay, sizeof l.backuprelay, "live.backup");
	begin(l);
	warn_after = 4 * HOUR;
	store("dead", 1);
	run_until(EPOCH + 4 * HOUR - 60);
	for (size_t i = 0; i < w.n_tried; i++)
		assert_string_equal(w.tried[i].host, "dead");
	uint64_t young = store("dead", 1);
	run_until(EPOCH + 6 * HOUR + 600);
	assert_int_equal(w.done[LIVE], 1);
	for (size_t i = 0; i < w.n_tried; i++)
		assert_true(w.tried[i].seq != young || strcmp(w.tried[i].host, "dead") == 0);
	run_until(EPOCH + 12 * HOUR);
	assert_int_equal(w.done[LIVE], 2);
	assert_int_equal(w.warned + w.failed, 0);
	warn_after = 0;
	end();
}

/* MTA-2313: fifty dead hosts with mail do not keep a living one from a quarter of the slots. */
static void dead_hosts_and_slots(void **state UNUSED)
{
	char name[16];
	begin((struct sched_limits){.queuelo = 1000});
	store("live", 1);
	run_until(EPOCH + 10);
	for (unsigned i = 0; i < 150; i++) {
		snprintf(name, sizeof name, "dead%u", i % 50);
		store(name, 1);
	}
	for (unsigned i = 0; i < 200; i++)
		store("live", 1);
	run_until(EPOCH + 150);
	assert_int_equal(w.done[LIVE], 201);
	/* when they are known to be dead, a new host does not stand behind them */
	run_until(EPOCH + HOUR);
	store("live.new", 1);
	run_until(w.now + 30);
	assert_int_equal(w.done[LIVE], 202);
	assert_true(w.most_air <= 8);
	/* and once the slow are found out, they too leave room */
	for (unsigned i = 0; i < 100; i++)
		store("slow", 1);
	run_until(w.now + 400);
	for (unsigned i = 0; i < 100; i++)
		store("live", 1);
	int64_t from = w.now;
	run_until(from + 200);
	assert_int_equal(w.done[LIVE], 302);
	end();
}

/* MTA-0215 MTA-0216 MTA-2315 MTA-2316: two thousand messages of a slow host lie before fifty of
 * others; memory keeps its bound, the others need not wait, and in the end all are delivered. */
static void long_queue_of_one_host(void **state UNUSED)
{
	begin((struct sched_limits){.queuelo = 20, .queuehi = 40, .queuefill = 300});
	for (unsigned i = 0; i < 2000; i++)
		store("slow", 1);
	for (unsigned i = 0; i < 50; i++)
		store("live", 1);
	run_until(EPOCH + 120);
	assert_int_equal(w.done[LIVE], 50);
	assert_true(w.most_loaded <= 44);
	assert_true(w.s.n_parked > 1900);
	uint64_t parked;
	assert_int_equal(park_list(&w.s, &parked, 1), 1);
	assert_int_equal(sched_flush(&w.s, parked), 0);
	assert_int_equal(sched_cancel(&w.s, parked, STR("enough")), 0);
	assert_int_equal(sched_flush(&w.s, 999999), -1);
	run_until(EPOCH + 3 * DAY);
	assert_int_equal(w.done[SLOW], 1999);
	assert_int_equal(w.failed, 1);
	assert_int_equal(w.s.n_loaded + sched_waiting(&w.s), 0);
	assert_true(w.last_done[SLOW] < EPOCH + 2000 * 100 / 3 + 2 * HOUR);
	end();
}

/* MTA-0217: with memory full of mail for slow hosts and more of it coming, what lies on the disk is
 * reached within queuefill. */
static void old_and_new(void **state UNUSED)
{
	char name[16];
	begin((struct sched_limits){.queuelo = 20, .queuehi = 40, .queuefill = 300});
	for (unsigned i = 0; i < 400; i++) {
		snprintf(name, sizeof name, "slow%u", i);
		store(name, 1);
	}
	run_until(EPOCH + 60);
	assert_true(w.s.n_loaded >= 40);
	store("live", 1);
	run_until(EPOCH + 2 * HOUR);
	assert_int_equal(w.done[LIVE], 1);
	assert_true(w.most_loaded <= 48);
	end();
}

/* MTA-2312 MTA-2317: recipients of one host go together, up to MAXRCPT; with VERP each alone. */
static void grouping(void **state UNUSED)
{
	begin((struct sched_limits){.queuelo = 20});
	store("live", 12);
	run_until(EPOCH + 60);
	assert_int_equal(w.n_tried, 3);
	assert_int_equal(w.tried[0].n + w.tried[1].n + w.tried[2].n, 12);
	assert_int_equal(w.tried[0].n, 5);
	verp = true;
	store("live", 4);
	verp = false;
	run_until(w.now + 60);
	assert_int_equal(w.n_tried, 7);
	for (size_t i = 3; i < 7; i++)
		assert_int_equal(w.tried[i].n, 1);
	end();
}

/* A host that is new is not met by all of MAXHOST at once. */
static void window(void **state UNUSED)
{
	begin((struct sched_limits){.queuelo = 1000});
	add_module("esmtp", 40, 20, 1)->maxdels = 40;
	for (unsigned i = 0; i < 100; i++)
		store("live", 1);
	sched_turn(&w.s);
	assert_int_equal(w.n_air, 5);
	run_until(EPOCH + 60);
	assert_int_equal(w.most_air, 20);
	assert_int_equal(w.done[LIVE], 100);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(curve_of_refusals),
	    cmocka_unit_test(curve_of_a_dead_host), cmocka_unit_test(warning),
	    cmocka_unit_test(quiet_warning), cmocka_unit_test(backup_relay),
	    cmocka_unit_test(dead_hosts_and_slots), cmocka_unit_test(long_queue_of_one_host),
	    cmocka_unit_test(old_and_new), cmocka_unit_test(grouping), cmocka_unit_test(window)};
	log_threshold(LOG_LEVEL_FATAL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
