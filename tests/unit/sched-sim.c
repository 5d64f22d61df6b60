/*
 * The scheduler over virtual days with crashes: hosts are up and down by schedule, modules die,
 * people cancel and flush, and the machine stops at any moment, with the last records on the disk
 * or not.  MTA-2318: whatever happens, mail is conserved: every message that was accepted ends for
 * each recipient; a recipient whose result was on the disk is never tried again; each report is
 * made exactly once; retries keep their pauses.  tests/unit/sched-sim SEED [SEED]: one run, or
 * many.
 */
#include "config.h"

#include "courierd/sched.h"
#include "dsn/dsn-history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	MESSAGES = 250,
	RCPTS = 4,
	HOSTS = 10,
	FLIGHTS = 64,
	ROUNDS = 32,
	EPOCH = 1000000000,
	HOUR = 3600,
	DAY = 24 * HOUR,
	STEPS_MAX = 2000000,
	FIRST_TRY_MAX = 15 * 60,
};

struct fate {
	bool on_disk;          /* its end was in the control text when the machine stopped */
	unsigned ends, excuse; /* deliveries; and those of them that no record could be made of */
	unsigned failures, warnings;
	int64_t open_since; /* accepted, deferred, or at the last start */
	bool tried, disturbed;
	enum rcpt_state last;
};

static struct {
	struct sched s;
	struct queue *q;
	uint64_t seed, random;
	int64_t now;
	bool soon, frozen; /* the machine is stopping: nothing counts */
	struct {
		struct sched_module *m;
		uint64_t id;
		int64_t lands;
	} air[FLIGHTS];
	size_t n_air;
	unsigned n_rcpts[MESSAGES + 1];
	bool accepted[MESSAGES + 1], finished[MESSAGES + 1], cancelled[MESSAGES + 1],
	    never[MESSAGES + 1];
	uint64_t rounds[MESSAGES + 1][ROUNDS];
	struct fate fate[MESSAGES + 1][RCPTS];
	unsigned crashes, deaths, attempts;
	uint64_t sent;
} w;

static uint32_t rnd(uint32_t n)
{
	w.random = w.random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(w.random >> 33) % n;
}

/* Host 0 is dead for ever; the others are down for hours now and then. */
static bool host_up(unsigned host, int64_t t)
{
	uint64_t x = w.seed * 31 + host * 1009 + (uint64_t)(t / (HOUR + host * 600));
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return host > 0 && (host < 3 || (x ^ x >> 31) % 4 != 0);
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

static int h_route(
    void *ctx UNUSED, uint32_t question UNUSED, const struct queue_route_ask *ask UNUSED)
{
	return -1;
}

static void h_stuck(void *ctx UNUSED, struct sched_module *m UNUSED)
{
	fail();
}

/* MTA-0213: no attempt comes before its pause is over, but for a last one when the time is up;
 * MTA-2313: a first one comes soon. */
static void check_time(struct fate *f, const struct delivery *d)
{
	int64_t waited = w.now - f->open_since;
	if (f->last == RCPT_DEFERRED && !f->disturbed && w.now < d->msg->env.expiry)
		assert_true(waited >= w.s.limits.retryalpha);
	if (f->last == RCPT_PENDING && !f->tried && !f->disturbed)
		assert_true(waited <= FIRST_TRY_MAX);
}

static int h_deliver(void *ctx UNUSED, struct sched_module *m, struct delivery *d)
{
	if (w.n_air == FLIGHTS)
		return -1;
	assert_true(m->active <= m->maxdels && d->dest->active <= m->maxhost);
	unsigned host = (unsigned)(d->dest->host[0] ? d->dest->host[1] - '0' : 1);
	for (size_t i = 0; i < d->n && !d->report; i++) {
		struct fate *f = &w.fate[d->msg->seq][d->rcpts[i]];
		assert_false(f->on_disk);
		assert_false(rcpt_final(f->last));
		check_time(f, d);
		f->tried = true;
		w.attempts++;
	}
	w.air[w.n_air].m = m;
	w.air[w.n_air].id = d->id;
	w.air[w.n_air++].lands = w.now + (host_up(host, w.now) ? rnd(3) : 60);
	return 0;
}

static void h_outcome(void *ctx UNUSED, const struct message *m, const struct envelope_rcpt *r)
{
	struct fate *f = &w.fate[m->seq][r - m->env.rcpts];
	f->last = r->state;
	f->open_since = w.now;
	f->disturbed = false;
}

static void h_finished(void *ctx UNUSED, struct message *m)
{
	for (size_t i = 0; i < m->env.n_rcpts; i++) {
		struct fate *f = &w.fate[m->seq][i];
		enum rcpt_state s = m->env.rcpts[i].state;
		assert_true(rcpt_final(s));
		assert_true(s == RCPT_FAILED || f->ends);
		/* MTA-2102: one report of a failure, none if none was wanted */
		assert_int_equal(f->failures, s == RCPT_FAILED && !w.never[m->seq]);
		assert_true(f->warnings <= 1);
	}
	w.finished[m->seq] = true;
}

static const struct sched_hooks hooks = {
    h_now, h_deliver, h_route, h_generation, h_soon, h_stuck, h_outcome, NULL, h_finished};

/* The gate knows a report by message and round, and takes it once. */
static bool new_round(const struct message *m)
{
	for (size_t i = 0; i < ROUNDS; i++) {
		if (w.rounds[m->seq][i] == m->round)
			return false;
		if (!w.rounds[m->seq][i]) {
			w.rounds[m->seq][i] = m->round;
			return true;
		}
	}
	fail();
	return false;
}

static void take_report(const struct message *m)
{
	struct arena *a = arena_new(1 << 20);
	struct dsn_history h;
	assert_int_equal(dsn_history_read(a, buf_str(&m->history), &h), 0);
	bool fresh = new_round(m);
	for (size_t k = 0; k < h.n && fresh; k++) {
		struct fate *f = &w.fate[m->seq][h.recipients[k].num];
		f->failures += h.recipients[k].action == DSN_FAILED;
		f->warnings += h.recipients[k].action == DSN_DELAYED;
	}
	arena_free(a);
}

static struct module_result answer_of(const struct delivery *d)
{
	unsigned host = (unsigned)(d->dest->host[0] ? d->dest->host[1] - '0' : 1), dice = rnd(20);
	if (!host_up(host, w.now))
		return (struct module_result){
		    .outcome = MODULE_DEFERRED, .connection = true, .diagnostic = STR("no answer")};
	return (struct module_result){.outcome = dice < 3                 ? MODULE_DEFERRED
						 : dice < 4 && !d->report ? MODULE_FAILED
									  : MODULE_DELIVERED,
	    .diagnostic = STR("as it fell")};
}

static void land(size_t k)
{
	struct delivery *d = module_delivery_find(w.air[k].m, w.air[k].id);
	w.air[k] = w.air[--w.n_air];
	assert_non_null(d);
	for (size_t i = 0; i < d->n; i++) {
		struct module_result r = answer_of(d);
		if (d->report && r.outcome == MODULE_DELIVERED)
			take_report(d->msg);
		else if (!d->report)
			w.fate[d->msg->seq][d->rcpts[i]].ends += r.outcome == MODULE_DELIVERED;
		delivery_result(&w.s, d, d->rcpts[i], &r);
	}
	delivery_done(&w.s, d);
}

static void add_module(const char *name, unsigned maxrcpt)
{
	struct sched_module *m = module_add(&w.s, name);
	m->configured = true;
	m->maxrcpt = maxrcpt;
	m->maxdels = 8;
	m->maxhost = 3;
	module_up(m);
}

static void found(void *ctx UNUSED, uint64_t seq, int64_t next)
{
	assert_true(index_add(&w.s.index, seq, next));
}

static void start(void)
{
	static const struct sched_limits l = {.queuetime = 2 * DAY,
	    .warntime = 4 * HOUR,
	    .retryalpha = 300,
	    .retrygamma = 900,
	    .retrybeta = 3,
	    .retrymaxdelta = 3,
	    .queuelo = 20,
	    .queuehi = 40,
	    .queuefill = 300};
	assert_int_equal(sched_init(&w.s, w.q, &hooks, NULL), 0);
	sched_limits_set(&w.s, &l);
	add_module("local", 1);
	add_module("esmtp", 3);
	add_module("dsn", 1);
	assert_int_equal(queue_each(w.q, found, NULL), 0);
}

/* It says of the first recipients that they have it. */
static size_t tell_some(struct delivery *d)
{
	static const struct module_result good = {.outcome = MODULE_DELIVERED};
	size_t n = rnd((uint32_t)d->n + 1);
	for (size_t i = 0; i < n; i++) {
		w.fate[d->msg->seq][d->rcpts[i]].ends++;
		delivery_result(&w.s, d, d->rcpts[i], &good);
	}
	return n;
}

/* A module that dies has perhaps delivered what it did not tell. */
static void lose_flights(const struct sched_module *m)
{
	for (size_t k = 0; k < w.n_air;) {
		struct delivery *d = module_delivery_find(w.air[k].m, w.air[k].id);
		if (m && w.air[k].m != m) {
			k++;
			continue;
		}
		size_t told = m && !d->report ? tell_some(d) : 0;
		for (size_t i = told; i < d->n && !d->report; i++)
			if (rnd(2)) {
				w.fate[d->msg->seq][d->rcpts[i]].ends++;
				w.fate[d->msg->seq][d->rcpts[i]].excuse++;
			}
		if (d->report && rnd(2))
			take_report(d->msg);
		w.air[k] = w.air[--w.n_air];
	}
}

static void disturb_all(void)
{
	for (size_t i = 1; i <= MESSAGES; i++)
		for (size_t k = 0; k < RCPTS; k++)
			w.fate[i][k].disturbed = true;
}

static void module_dies(void)
{
	struct sched_module *m = &w.s.modules[rnd((uint32_t)w.s.n_modules)];
	lose_flights(m);
	module_down(m);
	module_up(m);
	disturb_all();
	w.deaths++;
}

/* What the disk says now is all that is known. */
static void recall(void *ctx UNUSED, uint64_t seq, int64_t next UNUSED)
{
	struct arena *a = arena_new(1 << 22);
	struct envelope e;
	struct buf b;
	const char *why;
	buf_init(&b, ENVELOPE_TEXT_MAX);
	assert_int_equal(queue_peek(w.q, seq, &b), 0);
	assert_int_equal(envelope_decode(buf_str(&b), a, &e, &why), 0);
	for (size_t i = 0; i < e.n_rcpts; i++) {
		struct fate *f = &w.fate[seq][i];
		assert_true(rcpt_final(e.rcpts[i].state) || !f->on_disk);
		f->on_disk = rcpt_final(e.rcpts[i].state);
		f->excuse += rcpt_final(f->last) && f->last != RCPT_FAILED && !f->on_disk;
		f->last = e.rcpts[i].state;
	}
	w.finished[seq] = false;
	w.cancelled[seq] = e.cancelled.p != NULL;
	buf_free(&b);
	arena_free(a);
}

static void crash(void)
{
	w.frozen = true;
	lose_flights(NULL);
	queue_ram_crash(w.q, rnd((uint32_t)queue_ram_pending(w.q) + 1));
	sched_free(&w.s);
	queue_each(w.q, recall, NULL);
	disturb_all();
	w.now += 5;
	w.frozen = false;
	w.crashes++;
	start();
}

static void committed(void *ctx, int error)
{
	uint64_t seq = (uintptr_t)ctx;
	struct message *m = message_find(&w.s, seq);
	if (error || !m)
		return;
	w.accepted[seq] = true;
	for (size_t i = 0; i < RCPTS; i++)
		w.fate[seq][i].open_since = w.now;
	if (w.s.n_loaded > w.s.limits.queuehi) {
		m->fresh = false;
		message_put_down(&w.s, m, w.now);
	} else
		message_start(&w.s, m);
}

static void submit(void)
{
	struct envelope e;
	struct envelope_rcpt rcpts[RCPTS] = {0};
	char hosts[RCPTS][4];
	const char *why;
	struct buf b;
	envelope_init(&e);
	queue_reserve(w.q, 1, &e.id.seq);
	w.sent = e.id.seq;
	e.sender = STR("s@example.org");
	e.n_rcpts = w.n_rcpts[e.id.seq] = 1 + rnd(RCPTS);
	e.rcpts = rcpts;
	e.expiry = w.now + 2 * DAY;
	e.warn = w.now + 4 * HOUR;
	e.verp = rnd(10) == 0;
	w.never[e.id.seq] = rnd(6) == 0;
	for (size_t i = 0; i < e.n_rcpts; i++) {
		snprintf(hosts[i], sizeof hosts[i], "h%u", (unsigned)rnd(HOSTS));
		rcpts[i] = (struct envelope_rcpt){.address = STR("r@example.org"),
		    .module = rnd(4) ? STR("esmtp") : STR("local"),
		    .host = str_of(hosts[i]),
		    .notify = w.never[e.id.seq] ? NOTIFY_NEVER : 0,
		    .to = STR("x")};
	}
	buf_init(&b, 65536);
	envelope_encode(&e, &b);
	struct message *m = message_new(&w.s, buf_str(&b), &why);
	assert_non_null(m);
	m->fresh = true;
	struct queue_commit c = {.seq = e.id.seq, .control = buf_str(&b), .body = STR("body")};
	assert_int_equal(queue_store(w.q, &c, committed, (void *)(uintptr_t)e.id.seq), 0);
	buf_free(&b);
}

static void meddle(void)
{
	if (rnd(1500) == 0)
		crash();
	if (rnd(1500) == 0)
		module_dies();
	if (rnd(1000) == 0 && w.sent)
		w.cancelled[1 + rnd((uint32_t)w.sent)] |=
		    sched_cancel(&w.s, 1 + rnd((uint32_t)w.sent), STR("for fun")) == 0;
	if (rnd(2000) == 0) {
		sched_flush(&w.s, 0);
		disturb_all();
	}
}

static void land_what_is_due(void)
{
	for (size_t k = 0; k < w.n_air;)
		if (w.air[k].lands <= w.now)
			land(k);
		else
			k++;
}

/* To the next moment at which something happens. */
static void pass_time(int64_t next)
{
	for (size_t k = 0; k < w.n_air; k++)
		if (w.air[k].lands < next)
			next = w.air[k].lands;
	if (w.sent < MESSAGES && next > w.now + 120)
		next = w.now + 1 + rnd(120);
	if (next > w.now)
		w.now = next;
}

static void check_end(void)
{
	for (uint64_t i = 1; i <= MESSAGES; i++) {
		assert_true(w.finished[i] || !w.accepted[i]);
		for (unsigned k = 0; k < w.n_rcpts[i]; k++)
			assert_true(w.fate[i][k].ends <= 1 + w.fate[i][k].excuse);
	}
	assert_true(w.s.n_parked == 0 && map_count(w.s.messages) == 0);
}

static void simulate(uint64_t seed)
{
	memset(&w, 0, sizeof w);
	w.random = w.seed = seed;
	w.now = EPOCH;
	w.q = queue_open_ram();
	start();
	for (unsigned steps = 0; w.sent < MESSAGES || w.s.n_loaded || sched_waiting(&w.s);
	     steps++) {
		assert_true(steps < STEPS_MAX && w.now < EPOCH + 20 * DAY);
		if (w.sent < MESSAGES && rnd(3) == 0)
			submit();
		if (rnd(3) == 0)
			queue_ram_run(w.q);
		land_what_is_due();
		meddle();
		w.soon = false;
		int64_t next = sched_turn(&w.s);
		if (!w.soon && !queue_ram_run(w.q))
			pass_time(next);
	}
	check_end();
	sched_free(&w.s);
	queue_close(w.q);
}

static uint64_t first_seed = 1, last_seed = 30;

static void mail_is_conserved(void **state UNUSED)
{
	for (uint64_t seed = first_seed; seed <= last_seed; seed++) {
		simulate(seed);
		print_message(
		    "seed %llu: %u attempts, %u crashes, %u deaths of modules, %lld hours\n",
		    (unsigned long long)seed, w.attempts, w.crashes, w.deaths,
		    (long long)(w.now - EPOCH) / HOUR);
		assert_true(w.crashes && w.attempts > MESSAGES);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(mail_is_conserved)};
	log_threshold(LOG_LEVEL_FATAL);
	if (argc > 1 && !str_u64(str_of(argv[1]), &first_seed))
		return EXIT_FAILURE;
	last_seed = argc > 1 ? first_seed : last_seed;
	if (argc > 2 && !str_u64(str_of(argv[2]), &last_seed))
		return EXIT_FAILURE;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
