/*
 * The scheduler over virtual days, by seed: modules that answer at random, die and come back, gates
 * that vanish.  Whatever happens, each recipient ends in exactly one state and is never tried again
 * after it, each failure that must be reported is reported once, and nothing stays behind.
 */
#include "config.h"

#include "courierd/sched.h"
#include "dsn/dsn-history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MESSAGES = 300, RCPTS_MAX = 8, INFLIGHT = 512, EPOCH = 1000000000, DAY = 86400 };

static struct {
	struct sched s;
	struct queue *q;
	uint64_t random;
	int64_t now;
	bool soon, gate, clock_jumps;
	uint64_t committed;
	struct {
		struct sched_module *m;
		uint64_t id;
	} flying[INFLIGHT];
	size_t n_flying;
	/* By message and recipient. */
	unsigned tries[MESSAGES + 2][RCPTS_MAX], ends[MESSAGES + 2][RCPTS_MAX],
	    reports[MESSAGES + 2][RCPTS_MAX];
	bool failed[MESSAGES + 2][RCPTS_MAX];
	uint8_t notify[MESSAGES + 2][RCPTS_MAX];
	unsigned n_rcpts[MESSAGES + 2];
	uint32_t questions[4096];
	size_t n_questions;
	bool dead_hosts;
} w;

static uint32_t rnd(uint32_t n)
{
	w.random = w.random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(w.random >> 33) % n;
}

static int64_t h_now(void *ctx UNUSED)
{
	return w.now;
}

static int h_deliver(void *ctx UNUSED, struct sched_module *m, struct delivery *d)
{
	if (w.n_flying == INFLIGHT || rnd(50) == 0)
		return -1;
	assert_true(d->n >= 1 && d->n <= m->maxrcpt);
	assert_true(m->active <= m->maxdels && d->dest->active <= m->maxhost);
	for (size_t i = 0; i < d->n && !d->report; i++) {
		w.tries[d->msg->seq][d->rcpts[i]]++;
		assert_int_equal(w.ends[d->msg->seq][d->rcpts[i]], 0);
	}
	w.flying[w.n_flying].m = m;
	w.flying[w.n_flying++].id = d->id;
	return 0;
}

static int h_route(void *ctx UNUSED, uint32_t question, const struct queue_route_ask *ask UNUSED)
{
	if (!w.gate || w.n_questions == ARRAY_LEN(w.questions))
		return -1;
	w.questions[w.n_questions++] = question;
	return 0;
}

static bool h_generation(void *ctx UNUSED, uint64_t generation)
{
	return generation == 1;
}

static void h_soon(void *ctx UNUSED)
{
	w.soon = true;
}

static void h_stuck(void *ctx UNUSED, struct sched_module *m UNUSED) {}

static const struct sched_hooks hooks = {
    h_now, h_deliver, h_route, h_generation, h_soon, h_stuck, NULL, NULL, NULL};

static void ended(struct message *m, uint32_t num, bool failed)
{
	w.ends[m->seq][num]++;
	w.failed[m->seq][num] = failed;
}

static void report_taken(struct delivery *d)
{
	struct arena *a = arena_new(1 << 20);
	struct dsn_history h;
	assert_int_equal(dsn_history_read(a, buf_str(&d->msg->history), &h), 0);
	assert_true(h.n >= 1);
	for (size_t i = 0; i < h.n; i++)
		if (h.recipients[i].action == DSN_FAILED) {
			if (!w.ends[d->msg->seq]
				   [h.recipients[i].num]) /* it expired or was cancelled */
				ended(d->msg, h.recipients[i].num, true);
			w.reports[d->msg->seq][h.recipients[i].num]++;
		}
	arena_free(a);
}

/* A delivery that flies lands. */
static void land(size_t k)
{
	struct sched_module *m = w.flying[k].m;
	struct delivery *d = module_delivery_find(m, w.flying[k].id);
	w.flying[k] = w.flying[--w.n_flying];
	assert_non_null(d);
	bool dead = w.dead_hosts && strcmp(d->dest->host, "h0") == 0;
	for (size_t i = 0; i < d->n; i++) {
		uint32_t num = d->rcpts[i], dice = dead ? 1 : rnd(10);
		struct module_result r = {.outcome = dice < 5   ? MODULE_DEFERRED
						     : dice < 6 ? MODULE_FAILED
						     : dice < 8 ? MODULE_RELAYED
								: MODULE_DELIVERED,
		    .diagnostic = STR("450 or so"),
		    .connection = dead || dice < 2};
		if (rnd(20) == 0)
			continue; /* no answer is a deferral */
		if (d->report && r.outcome != MODULE_DEFERRED)
			report_taken(d);
		else if (!d->report && r.outcome != MODULE_DEFERRED)
			ended(d->msg, num, r.outcome == MODULE_FAILED);
		delivery_result(&w.s, d, num, &r);
	}
	delivery_done(&w.s, d);
}

static void answer_question(void)
{
	static const char *const modules[] = {"local", "esmtp", "esmtp", "nowhere"};
	char host[8];
	uint32_t q = w.questions[--w.n_questions];
	struct queue_route r = {
	    .code = 250, .module = str_of(modules[rnd(40) ? rnd(3) : 3]), .to = STR("to")};
	snprintf(host, sizeof host, "h%u", (unsigned)rnd(6));
	r.host = str_of(host);
	if (rnd(30) == 0)
		r = (struct queue_route){.code = 451, .text = STR("later")};
	sched_routed(&w.s, q, &r);
}

static void module_dies(void)
{
	struct sched_module *m = &w.s.modules[rnd((uint32_t)w.s.n_modules)];
	for (size_t k = 0; k < w.n_flying;)
		if (w.flying[k].m == m)
			w.flying[k] = w.flying[--w.n_flying];
		else
			k++;
	module_down(m);
	module_up(m);
}

static void committed(void *ctx, int error)
{
	struct message *m = ctx;
	assert_int_equal(error, 0);
	w.committed++;
	if (w.s.n_loaded > w.s.limits.queuehi)
		message_put_down(&w.s, m, w.now);
	else
		message_start(&w.s, m);
}

static void submit(void)
{
	struct envelope e;
	struct envelope_rcpt rcpts[RCPTS_MAX] = {0};
	char hosts[RCPTS_MAX][8];
	const char *why;
	struct buf b;
	envelope_init(&e);
	queue_reserve(w.q, 1, &e.id.seq);
	assert_true(e.id.seq < MESSAGES + 2);
	e.sender = rnd(10) ? STR("s@example.org") : rnd(2) ? STR("") : STR("#@[]");
	e.n_rcpts = w.n_rcpts[e.id.seq] = 1 + rnd(RCPTS_MAX);
	e.rcpts = rcpts;
	e.arrival = w.now;
	e.expiry = w.now + 5 * DAY;
	e.warn = w.now + 4 * 3600;
	e.verp = rnd(10) == 0;
	e.generation = 1 + rnd(2);
	for (size_t i = 0; i < e.n_rcpts; i++) {
		snprintf(hosts[i], sizeof hosts[i], "h%u", (unsigned)rnd(6));
		rcpts[i] = (struct envelope_rcpt){.address = STR("r@example.org"),
		    .module = rnd(2) ? STR("local") : STR("esmtp"),
		    .host = str_of(hosts[i]),
		    .to = STR("x")};
		rcpts[i].notify = (uint8_t)(rnd(3)   ? 0
					    : rnd(2) ? NOTIFY_NEVER
						     : NOTIFY_SUCCESS | NOTIFY_FAILURE);
		w.notify[e.id.seq][i] =
		    e.sender.n && str_is(e.sender, "#@[]") ? NOTIFY_NEVER : rcpts[i].notify;
	}
	buf_init(&b, 65536);
	envelope_encode(&e, &b);
	struct message *m = message_new(&w.s, buf_str(&b), &why);
	assert_non_null(m);
	m->fresh = true;
	struct queue_commit c = {.seq = e.id.seq, .control = buf_str(&b), .body = STR("body")};
	assert_int_equal(queue_store(w.q, &c, committed, m), 0);
	buf_free(&b);
}

static void add_module(const char *name, unsigned maxrcpt)
{
	struct sched_module *m = module_add(&w.s, name);
	m->configured = true;
	m->maxrcpt = maxrcpt;
	m->maxdels = 6;
	m->maxhost = 3;
	module_up(m);
}

/* What an end without a module's word looks like: expiry and cancelling, seen in the control text.
 */
static void check(unsigned cancelled)
{
	unsigned silent = 0;
	for (unsigned i = 1; i <= w.committed; i++)
		for (unsigned k = 0; k < w.n_rcpts[i]; k++) {
			assert_true(w.ends[i][k] <= 1);
			bool wanted = w.failed[i][k] && !(w.notify[i][k] & NOTIFY_NEVER);
			if (w.ends[i][k])
				assert_int_equal(w.reports[i][k], wanted);
			silent += !w.ends[i][k];
		}
	/* Silent ends are only those that asked for no reports and expired, were cancelled, or
	 * whose module is not there. */
	assert_true(silent <= 40 + 8 * cancelled);
}

static void begin_world(uint64_t seed, bool dead_hosts)
{
	struct sched_limits l = {.queuetime = 5 * DAY,
	    .warntime = 4 * 3600,
	    .retryalpha = 300,
	    .retrygamma = 900,
	    .retrybeta = 3,
	    .retrymaxdelta = 3,
	    .queuelo = 20,
	    .queuehi = 40,
	    .queuefill = 300};
	memset(&w, 0, sizeof w);
	w.random = seed;
	w.now = EPOCH;
	w.dead_hosts = dead_hosts;
	w.gate = true;
	w.q = queue_open_ram();
	assert_int_equal(sched_init(&w.s, w.q, &hooks, NULL), 0);
	sched_limits_set(&w.s, &l);
	add_module("local", 1);
	add_module("esmtp", 5);
	add_module("dsn", 1);
}

static void turn_gate(bool up)
{
	w.gate = up;
	if (up)
		recipients_ask_again(&w.s);
	else
		recipients_asked_gone(&w.s);
}

/* T36: the clock is set. */
static void jump(void)
{
	static const int64_t to[] = {0, 1000, EPOCH - 3600, EPOCH, EPOCH + DAY,
	    EPOCH + 3650LL * DAY, INT32_MAX - 5, 1LL << 33};
	w.now = to[rnd(ARRAY_LEN(to))];
}

/* What comes from outside; 1: a message was cancelled. */
static unsigned happen(unsigned sent)
{
	unsigned cancelled = 0;
	if (rnd(3) == 0)
		queue_ram_run(w.q);
	if (w.n_questions && rnd(2))
		answer_question();
	if (w.n_flying && rnd(2))
		land(rnd((uint32_t)w.n_flying));
	if (rnd(3000) == 0)
		module_dies();
	if (rnd(2000) == 0) {
		w.n_questions = 0;
		turn_gate(!w.gate);
	}
	if (rnd(1000) == 0 && sent)
		cancelled = sched_cancel(&w.s, 1 + rnd(sent), STR("for fun")) == 0;
	if (rnd(1000) == 0)
		sched_flush(&w.s, 0);
	if (w.clock_jumps && rnd(1500) == 0)
		jump();
	return cancelled;
}

static void turn(bool all_sent)
{
	w.soon = false;
	int64_t next = sched_turn(&w.s);
	if (w.soon || w.n_flying || w.n_questions || queue_ram_run(w.q))
		return;
	if (next > w.now && (all_sent || rnd(8) == 0))
		w.now = next;
	if (!w.gate && rnd(4) == 0)
		turn_gate(true);
}

static void simulate(uint64_t seed, bool dead_hosts, bool clock_jumps)
{
	unsigned sent = 0, cancelled = 0;
	begin_world(seed, dead_hosts);
	w.clock_jumps = clock_jumps;
	for (unsigned steps = 0; sent < MESSAGES || w.s.n_loaded || w.s.index.n; steps++) {
		assert_true(steps < 3000000 && (clock_jumps || w.now < EPOCH + 40 * DAY));
		if (sent < MESSAGES && rnd(4) == 0) {
			submit();
			sent++;
		}
		cancelled += happen(sent);
		turn(sent == MESSAGES);
	}
	queue_ram_run(w.q);
	struct buf b;
	buf_init(&b, 1000);
	queue_facts(w.q, &b);
	assert_string_equal(b.p, "ram_messages=0 ");
	buf_free(&b);
	assert_int_equal(w.committed, MESSAGES);
	check(cancelled);
	sched_free(&w.s);
	queue_close(w.q);
}

static void days(void **state UNUSED)
{
	for (uint64_t seed = 1; seed <= 20; seed++)
		simulate(seed, false, false);
}

static void dead_host(void **state UNUSED)
{
	for (uint64_t seed = 100; seed <= 110; seed++)
		simulate(seed, true, false);
}

/* T36: whatever the clock does, each message ends, once. */
static void clock_set(void **state UNUSED)
{
	for (uint64_t seed = 200; seed <= 210; seed++)
		simulate(seed, seed & 1, true);
}

static const struct sched_limits usual = {.queuetime = 7 * DAY,
    .warntime = 4 * 3600,
    .retryalpha = 300,
    .retrygamma = 900,
    .retrybeta = 3,
    .retrymaxdelta = 3};

/* T36: no clock alone sends mail back. */
static void over(void **state UNUSED)
{
	struct envelope e = {.arrival = EPOCH, .expiry = EPOCH + 7 * DAY, .rounds = 2};
	assert_false(retry_over(&usual, &e, EPOCH + 600));
	assert_false(retry_over(&usual, &e, EPOCH + 3650LL * DAY)); /* ten years on, tried twice */
	e.rounds = 45;                                              /* for more than a day */
	assert_true(retry_over(&usual, &e, EPOCH + 3650LL * DAY));
	assert_true(retry_over(&usual, &e, EPOCH + 7 * DAY));
	assert_false(retry_over(&usual, &e, EPOCH + 7 * DAY - 1));
	assert_false(retry_over(&usual, &e, 1000)); /* it came from the future */
	e.rounds = 300;
	assert_true(retry_over(&usual, &e, 1000));
	e.by = EPOCH + 60; /* the sender's own time */
	e.by_mode = 'R';
	e.rounds = 1;
	assert_true(retry_over(&usual, &e, EPOCH + 60));
	e = (struct envelope){.arrival = EPOCH, .expiry = EPOCH, .rounds = 1}; /* queuetime 0 */
	assert_true(retry_over(&usual, &e, EPOCH));
	e = (struct envelope){.expiry = EPOCH, .rounds = 1}; /* nobody knows when it came */
	assert_true(retry_over(&usual, &e, EPOCH));
	assert_int_equal(retry_longest(&usual), 7200);
}

static int64_t next_of(uint64_t seq)
{
	size_t at;
	assert_true(index_find(&w.s.index, seq, &at));
	return w.s.index.v[at].next;
}

static void begin_clock(void)
{
	memset(&w, 0, sizeof w);
	w.now = EPOCH;
	w.q = queue_open_ram();
	assert_int_equal(sched_init(&w.s, w.q, &hooks, NULL), 0);
	sched_limits_set(&w.s, &usual);
}

static void end_clock(void)
{
	sched_free(&w.s);
	queue_close(w.q);
}

/* T36: what waits keeps its pause when the clock is set back; a start believes no date. */
static void set_back(void **state UNUSED)
{
	static const int64_t back[] = {3600, DAY, 3650LL * DAY, EPOCH};
	for (size_t i = 0; i < ARRAY_LEN(back); i++) {
		begin_clock();
		int64_t before = w.now + 3650LL * DAY; /* it was wrong, or is wrong now */
		w.now = before;
		assert_true(sched_turn(&w.s) > before);
		index_add(&w.s.index, 1, before + 300);
		index_add(&w.s.index, 2, before + 100LL * DAY);
		index_add(&w.s.index, 3, before - 5);
		w.now -= back[i];
		w.s.stopping = true; /* nothing is loaded */
		assert_true(sched_turn(&w.s) > w.now);
		assert_int_equal(next_of(1), w.now + 300);
		assert_int_equal(next_of(2), w.now + 7200);
		assert_int_equal(next_of(3), w.now);
		assert_int_equal(w.s.index.v[0].seq, 3);
		end_clock();
	}
}

static void start_after(void **state UNUSED)
{
	begin_clock();
	index_add(&w.s.index, 1, EPOCH + 3650LL * DAY);
	index_add(&w.s.index, 2, EPOCH + 60);
	clock_start(&w.s);
	assert_int_equal(next_of(1), EPOCH + 300);
	assert_int_equal(next_of(2), EPOCH + 60);
	assert_int_equal(w.s.index.v[0].seq, 2);
	struct envelope e = {.next = EPOCH + 30 * DAY, .release = EPOCH + 30 * DAY};
	assert_int_equal(clock_next(&w.s, &e, EPOCH), EPOCH + 30 * DAY); /* as its sender wants */
	e.rounds = 1;
	assert_int_equal(clock_next(&w.s, &e, EPOCH), EPOCH + 300);
	e = (struct envelope){.next = EPOCH + DAY, .delay = DAY, .arrival = EPOCH};
	assert_int_equal(clock_next(&w.s, &e, EPOCH), EPOCH + DAY);
	e = (struct envelope){.next = EPOCH + 7200};
	assert_int_equal(clock_next(&w.s, &e, EPOCH), EPOCH + 7200);
	end_clock();
}

/* A delivery that runs while the clock is set on is not one that hangs. */
static void set_on(void **state UNUSED)
{
	begin_clock();
	w.s.limits.modulettl = 600;
	struct sched_module *m = module_add(&w.s, "esmtp");
	struct delivery d = {.started = EPOCH, .id = 1};
	m->running = &d;
	sched_turn(&w.s);
	w.now += DAY;
	sched_turn(&w.s);
	assert_int_equal(d.started, EPOCH + DAY);
	m->running = NULL;
	end_clock();
}

/* MTA-0213 */
static void retry_schedule(void **state UNUSED)
{
	static const int64_t minutes[] = {
	    5, 5, 5, 15, 5, 5, 30, 5, 5, 60, 5, 5, 120, 5, 5, 120, 5, 5, 120};
	struct sched_limits l = {
	    .retryalpha = 300, .retrygamma = 900, .retrybeta = 3, .retrymaxdelta = 3};
	for (uint32_t i = 0; i < ARRAY_LEN(minutes); i++)
		assert_int_equal(retry_pause(&l, i + 1), minutes[i] * 60);
	l = (struct sched_limits){0};
	assert_true(retry_pause(&l, 1) > 0 && retry_pause(&l, 1000000) > 0);
}

/* RFC 2852, RFC 4865: when a message ends, and when its sender hears of it. */
static void terms(void **state UNUSED)
{
	const struct sched_limits l = {.queuetime = 1000, .warntime = 100};
	const struct sched_limits silent = {.queuetime = 1000};
	struct envelope e;
	envelope_init(&e);
	assert_int_equal(retry_expiry(&l, &e, 50), 1050);
	assert_int_equal(retry_warning(&l, &e, 50), 150);
	assert_int_equal(retry_warning(&silent, &e, 50), -1);
	assert_false(retry_too_late(&e, 1LL << 40));
	e.release = 500;
	assert_int_equal(retry_expiry(&l, &e, 50), 1500);
	assert_int_equal(retry_warning(&l, &e, 50), 600);
	e.release = 0;
	e.by = 80;
	e.by_mode = 'R';
	e.expiry = retry_expiry(&l, &e, 50);
	assert_int_equal(e.expiry, 80);
	assert_int_equal(retry_warning(&l, &e, 50), 150);
	assert_int_equal(retry_next(&e, 60, 400), 80);
	assert_int_equal(retry_next(&e, 60, 70), 70);
	assert_false(retry_too_late(&e, 79));
	assert_true(retry_too_late(&e, 80));
	e.by = 5000;
	assert_int_equal(retry_expiry(&l, &e, 50), 1050);
	e.by_mode = 'N';
	e.by = 80;
	e.expiry = retry_expiry(&l, &e, 50);
	assert_int_equal(e.expiry, 1050);
	assert_int_equal(retry_warning(&l, &e, 50), 80);
	assert_int_equal(retry_warning(&silent, &e, 50), 80);
	assert_int_equal(retry_next(&e, 60, 400), 80);
	assert_false(retry_too_late(&e, 90));
	e.warned = true;
	assert_int_equal(retry_next(&e, 60, 400), 400);
	e.by = -100;
	assert_int_equal(retry_warning(&l, &e, 50), 50);
}

/* MTA-2314 */
static void heap(void **state UNUSED)
{
	struct index x = {0};
	struct index_entry e;
	w.random = 7;
	for (uint64_t i = 1; i <= 2000; i++)
		assert_true(index_add(&x, i, rnd(500)));
	size_t at;
	assert_true(index_find(&x, 77, &at));
	index_drop(&x, at);
	assert_false(index_find(&x, 77, &at));
	assert_true(index_find(&x, 78, &at));
	index_set(&x, at, 1000);
	int64_t last = 0;
	unsigned n = 0;
	for (; index_pop(&x, 999, &e); n++) {
		assert_true(e.next >= last);
		last = e.next;
	}
	assert_int_equal(n, 1998);
	index_all_now(&x, 10);
	assert_true(index_pop(&x, 10, &e) && e.seq == 78 && !x.n);
	free(x.v);
}

/* A week of long refusals to many recipients: what is recorded stays within its maximum, and the
 * ends find room. */
static void talkative(void **state UNUSED)
{
	enum { RCPTS = 100, ROUNDS = 200 };
	static char reply[8000];
	static struct envelope_rcpt rcpts[RCPTS];
	const char *why;
	struct envelope e;
	struct buf b;
	memset(&w, 0, sizeof w);
	memset(reply, 'x', sizeof reply - 1);
	w.now = EPOCH;
	w.q = queue_open_ram();
	assert_int_equal(sched_init(&w.s, w.q, &hooks, NULL), 0);
	envelope_init(&e);
	queue_reserve(w.q, 1, &e.id.seq);
	for (unsigned i = 0; i < RCPTS; i++)
		rcpts[i] = (struct envelope_rcpt){.address = STR("r@example.org")};
	e.rcpts = rcpts;
	e.n_rcpts = RCPTS;
	buf_init(&b, ENVELOPE_TEXT_MAX);
	envelope_encode(&e, &b);
	struct queue_commit c = {.seq = e.id.seq, .control = buf_str(&b), .body = STR("body")};
	assert_int_equal(queue_store(w.q, &c, NULL, NULL), 0);
	struct message *m = message_new(&w.s, buf_str(&b), &why);
	struct module_result x = {
	    .outcome = MODULE_DEFERRED, .code = 451, .diagnostic = str_of(reply)};
	for (unsigned k = 0; k < ROUNDS; k++) {
		for (uint32_t i = 0; i < RCPTS; i++)
			result_take(&w.s, m, i, &x);
		assert_int_equal(message_write(&w.s, m, true), 0);
		queue_ram_run(w.q);
	}
	x.outcome = MODULE_FAILED;
	for (uint32_t i = 0; i < RCPTS; i++)
		result_take(&w.s, m, i, &x);
	assert_int_equal(message_write(&w.s, m, true), 0);
	queue_ram_run(w.q);
	message_free(&w.s, m);
	m = message_load(&w.s, e.id.seq);
	assert_non_null(m);
	for (uint32_t i = 0; i < RCPTS; i++)
		assert_int_equal(m->env.rcpts[i].state, RCPT_FAILED);
	buf_free(&b);
	sched_free(&w.s);
	queue_close(w.q);
}

/* A gate that keeps a question for ever does not keep the message. */
static void forgetful_gate(void **state UNUSED)
{
	struct envelope_rcpt rcpt = {.address = STR("r@example.org")};
	const char *why;
	struct envelope e;
	struct buf b;
	memset(&w, 0, sizeof w);
	w.now = EPOCH;
	w.gate = true;
	w.q = queue_open_ram();
	assert_int_equal(sched_init(&w.s, w.q, &hooks, NULL), 0);
	envelope_init(&e);
	queue_reserve(w.q, 1, &e.id.seq);
	e.rcpts = &rcpt;
	e.n_rcpts = 1;
	e.expiry = w.now + DAY;
	buf_init(&b, 65536);
	envelope_encode(&e, &b);
	struct queue_commit c = {.seq = e.id.seq, .control = buf_str(&b), .body = STR("body")};
	assert_int_equal(queue_store(w.q, &c, NULL, NULL), 0);
	message_start(&w.s, message_new(&w.s, buf_str(&b), &why));
	assert_int_equal(w.n_questions, 1);
	for (unsigned i = 0; i < 5; i++, w.now += 61)
		sched_turn(&w.s);
	assert_int_equal(w.n_questions, 1);
	for (unsigned i = 0; i < 10; i++, w.now += 61)
		sched_turn(&w.s);
	assert_int_equal(w.n_questions, 2);
	assert_int_equal(w.questions[0], w.questions[1]);
	buf_free(&b);
	sched_free(&w.s);
	queue_close(w.q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(retry_schedule),
	    cmocka_unit_test(terms), cmocka_unit_test(heap), cmocka_unit_test(talkative),
	    cmocka_unit_test(forgetful_gate), cmocka_unit_test(days), cmocka_unit_test(dead_host),
	    cmocka_unit_test(clock_set), cmocka_unit_test(over), cmocka_unit_test(set_back),
	    cmocka_unit_test(start_after), cmocka_unit_test(set_on)};
	log_threshold(LOG_LEVEL_FATAL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
