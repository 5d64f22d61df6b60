/* The queue on the disk: what was durable is there after closing, killing and cutting. */
#include "config.h"

#include "queue/queue.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { SEGMENT = 1024 * 1024 };
static char dir[64];
static struct loop *loop;
static struct queue *q;
static unsigned answers, errors;

static void trouble(void *ctx UNUSED, const char *what, int error)
{
	fprintf(stderr, "trouble: %s: %s\n", what, strerror(error));
}

static size_t segment_size = SEGMENT;

static void open_queue(void)
{
	struct queue_disk_config c = {.dir = dir, .segment_size = segment_size, .trouble = trouble};
	struct queue_report report;
	buf_init(&report.text, 65536);
	loop = loop_new();
	q = queue_open_disk(loop, &c, &report);
	if (!q)
		fprintf(stderr, "%s", report.text.p);
	assert_non_null(q);
	assert_int_equal(report.text.n, 0);
	buf_free(&report.text);
}

static void close_queue(void)
{
	queue_close(q);
	loop_free(loop);
}

static int remove_one(
    const char *path, const struct stat *st UNUSED, int flag UNUSED, struct FTW *f UNUSED)
{
	return remove(path);
}

static int fresh(void **state UNUSED)
{
	snprintf(dir, sizeof dir, "/tmp/sched.queue.%d", (int)getpid());
	nftw(dir, remove_one, 20, FTW_DEPTH | FTW_PHYS);
	answers = errors = 0;
	return 0;
}

static int clean(void **state UNUSED)
{
	nftw(dir, remove_one, 20, FTW_DEPTH | FTW_PHYS);
	return 0;
}

static void answer(void *ctx, int error)
{
	answers++;
	errors += error != 0;
	if (ctx)
		loop_stop(loop);
}

static void tick(void *ctx UNUSED)
{
	loop_stop(loop);
}

static void run_ms(int64_t ms)
{
	struct timer *t = timer_new(loop, tick, NULL);
	timer_set(t, ms);
	loop_run(loop);
	timer_free(t);
}

static void wait_answers(unsigned n)
{
	for (int i = 0; i < 500 && answers < n; i++)
		run_ms(10);
	assert_int_equal(answers, n);
}

static uint64_t commit(const char *control, const char *body, void *stop)
{
	uint64_t seq;
	assert_int_equal(queue_reserve(q, 1, &seq), 0);
	struct queue_commit c = {.seq = seq, .control = str_of(control), .body = str_of(body)};
	assert_int_equal(queue_store(q, &c, answer, stop), 0);
	return seq;
}

static void check(uint64_t seq, const char *control, const char *body)
{
	struct buf b;
	buf_init(&b, 1024 * 1024);
	assert_int_equal(queue_load(q, seq, &b), 0);
	assert_string_equal(b.p, control);
	buf_clear(&b);
	assert_int_equal(queue_body(q, seq, 100000, &b), 1);
	assert_string_equal(b.p, body);
	buf_free(&b);
}

static void count(void *ctx, uint64_t seq UNUSED, int64_t next UNUSED)
{
	++*(unsigned *)ctx;
}

static unsigned settled(void)
{
	unsigned n = 0;
	assert_int_equal(queue_each(q, count, &n), 0);
	return n;
}

/* No file is made for a message that is done at the first attempt. */
static void young(void **state UNUSED)
{
	open_queue();
	uint64_t a = commit("s1\n", "body one", NULL), b = commit("s2\n", "body two", NULL);
	assert_true(b > a);
	wait_answers(2);
	check(a, "s1\n", "body one");
	assert_int_equal(queue_append(q, a, STR("S0 1\n"), false, answer, NULL), 0);
	wait_answers(3);
	check(a, "s1\nS0 1\n", "body one");
	assert_int_equal(queue_remove(q, a, answer, NULL), 0);
	wait_answers(4);
	assert_int_equal(settled(), 0);
	close_queue();
	open_queue(); /* the other one has become files */
	assert_int_equal(settled(), 1);
	check(b, "s2\n", "body two");
	uint64_t c = commit("s3\n", "x", NULL);
	assert_true(c > b);
	close_queue();
	assert_int_equal(errors, 0);
}

static void old(void **state UNUSED)
{
	open_queue();
	uint64_t a = commit("s1\n", "body", NULL);
	wait_answers(1);
	assert_int_equal(queue_append(q, a, STR("D0 1\n"), true, answer, NULL), 0);
	wait_answers(2);
	assert_int_equal(queue_settle(q, a, 12345), 0);
	assert_int_equal(queue_append(q, a, STR("C1\n"), false, answer, NULL), 0);
	wait_answers(3);
	run_ms(300);
	assert_int_equal(settled(), 1);
	check(a, "s1\nD0 1\nC1\n", "body");
	assert_int_equal(queue_append(q, a, STR("S0 2\n"), false, answer, NULL), 0);
	wait_answers(4);
	check(a, "s1\nD0 1\nC1\nS0 2\n", "body");
	close_queue();
	open_queue();
	check(a, "s1\nD0 1\nC1\nS0 2\n", "body");
	assert_int_equal(queue_remove(q, a, answer, NULL), 0);
	wait_answers(5);
	assert_int_equal(settled(), 0);
	close_queue();
	open_queue();
	assert_int_equal(settled(), 0);
	close_queue();
}

/* Put down and loaded again before the disk has what was appended: the text has it all the same. */
static void at_once(void **state UNUSED)
{
	open_queue();
	uint64_t seq = commit("s\n", "body", NULL);
	wait_answers(1);
	for (int lazy = 0; lazy < 2; lazy++) {
		assert_int_equal(queue_append(q, seq, STR("S0 1 l\n"), lazy, answer, NULL), 0);
		assert_int_equal(queue_settle(q, seq, 5), 0);
		check(seq, lazy ? "s\nS0 1 l\nS0 1 l\n" : "s\nS0 1 l\n", "body");
		wait_answers(2 + (unsigned)lazy);
		run_ms(100);
		check(seq, lazy ? "s\nS0 1 l\nS0 1 l\n" : "s\nS0 1 l\n", "body");
	}
	close_queue();
	open_queue();
	check(seq, "s\nS0 1 l\nS0 1 l\n", "body");
	close_queue();
}

static void large(void **state UNUSED)
{
	open_queue();
	char name[64];
	int fd = queue_tmpfile_make(q, name, sizeof name);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, "large", 5), 0);
	close(fd);
	uint64_t first;
	queue_reserve(q, 3, &first);
	for (unsigned i = 0; i < 2; i++) {
		struct queue_commit c = {
		    .seq = first + i, .control = STR("sL\n"), .file = name, .keep_file = i == 0};
		assert_int_equal(queue_store(q, &c, answer, NULL), 0);
	}
	struct queue_commit missing = {.seq = first + 2, .control = STR("sL\n"), .file = "none"};
	assert_int_equal(queue_store(q, &missing, answer, NULL), 0);
	wait_answers(3);
	assert_int_equal(errors, 1);
	check(first, "sL\n", "large");
	queue_remove(q, first, answer, NULL);
	wait_answers(4);
	close_queue();
	open_queue();
	assert_int_equal(settled(), 1);
	check(first + 1, "sL\n", "large");
	close_queue();
}

static long segments(void)
{
	struct buf facts;
	buf_init(&facts, 1000);
	queue_facts(q, &facts);
	ptrdiff_t at = str_find(buf_str(&facts), STR("journal_segments="));
	assert_true(at >= 0);
	long n = strtol(facts.p + at + 17, NULL, 10);
	buf_free(&facts);
	return n;
}

/* Many segments: the journal stays short, whatever stays behind becomes files. */
static void many(void **state UNUSED)
{
	enum { N = 400 };
	static char body[30000];
	uint64_t seqs[N];
	memset(body, 'x', sizeof body - 1);
	open_queue();
	for (unsigned i = 0; i < N; i++) {
		seqs[i] = commit("sM\n", body, NULL);
		if (i % 10 == 9)
			wait_answers(i + 1);
	}
	wait_answers(N);
	for (unsigned i = 0; i < N; i++)
		if (i % 20)
			queue_remove(q, seqs[i], answer, NULL);
	wait_answers(N + N - N / 20);
	run_ms(500);
	for (unsigned i = 0; i < N; i += 20)
		check(seqs[i], "sM\n", body);
	for (int i = 0; segments() > QUEUE_SEGMENTS_MAX + 2 && i < 600; i++)
		run_ms(100);
	assert_in_range(segments(), 1, QUEUE_SEGMENTS_MAX + 2);
	close_queue();
	open_queue();
	assert_int_equal(settled(), N / 20);
	close_queue();
	assert_int_equal(errors, 0);
}

/* More records at once than one group takes. */
static void crowd(void **state UNUSED)
{
	enum { N = 3000 };
	open_queue();
	uint64_t a = commit("sC\n", "body", NULL);
	wait_answers(1);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(queue_append(q, a, STR("C1\n"), i % 2, answer, NULL), 0);
	wait_answers(N + 1);
	close_queue();
	open_queue();
	struct buf b;
	buf_init(&b, 1024 * 1024);
	assert_int_equal(queue_load(q, a, &b), 0);
	assert_int_equal(b.n, 3 + 3 * N);
	buf_free(&b);
	close_queue();
	assert_int_equal(errors, 0);
}

/* A control text as long as can be, larger than what a group takes otherwise. */
static void huge(void **state UNUSED)
{
	enum { N = 8 * 1024 * 1024 - 10 };
	char *text = malloc(N + 1);
	assert_non_null(text);
	memset(text, 'x', N);
	text[0] = 's';
	text[N - 1] = '\n';
	text[N] = 0;
	segment_size = 0;
	open_queue();
	uint64_t a = commit(text, "body", NULL), b = commit("s2\n", "two", NULL);
	wait_answers(2);
	check(b, "s2\n", "two");
	close_queue();
	segment_size = SEGMENT;
	free(text);
	assert_int_equal(errors, 0);
	assert_true(a < b);
}

/* A data file that could not be put into its place leaves nothing behind on a full disk. */
static void no_place(void **state UNUSED)
{
	char name[64], path[160];
	uint64_t seq;
	open_queue();
	int fd = queue_tmpfile_make(q, name, sizeof name);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, "large", 5), 0);
	close(fd);
	assert_int_equal(queue_reserve(q, 1, &seq), 0);
	snprintf(path, sizeof path, "%s/msgs/%llu", dir, (unsigned long long)(seq % 100));
	rmdir(path);
	close(file_create(-1, path, 0600));
	struct queue_commit c = {.seq = seq, .control = STR("sL\n"), .file = name};
	assert_int_equal(queue_store(q, &c, answer, NULL), 0);
	wait_answers(1);
	assert_int_equal(errors, 1);
	snprintf(path, sizeof path, "%s/tmp/%s", dir, name);
	assert_int_equal(access(path, F_OK), -1);
	close_queue();
}

static void control_name(uint64_t seq, const char *prefix, char out[128])
{
	snprintf(out, 128, "%s/msgs/%llu/%sC%llu", dir, (unsigned long long)(seq % 100), prefix,
	    (unsigned long long)seq);
}

/* What was answered as durable is known although the file could not take it, and stays known. */
static void unwritable(void **state UNUSED)
{
	char name[128], away[128];
	open_queue();
	uint64_t a = commit("s1\n", "body", NULL);
	wait_answers(1);
	assert_int_equal(queue_settle(q, a, 12345), 0);
	run_ms(300);
	check(a, "s1\n", "body");
	control_name(a, "", name);
	control_name(a, ".", away);
	assert_int_equal(rename(name, away), 0);
	assert_int_equal(queue_append(q, a, STR("S0 2\n"), false, answer, NULL), 0);
	assert_int_equal(queue_append(q, a, STR("S1 2\n"), false, answer, NULL), 0);
	wait_answers(3);
	assert_int_equal(rename(away, name), 0);
	check(a, "s1\nS0 2\nS1 2\n", "body");
	assert_int_equal(queue_append(q, a, STR("C3\n"), false, answer, NULL), 0);
	wait_answers(4);
	assert_int_equal(queue_settle(q, a, 12345), 0);
	check(a, "s1\nS0 2\nS1 2\nC3\n", "body");
	close_queue();
	open_queue();
	check(a, "s1\nS0 2\nS1 2\nC3\n", "body");
	close_queue();
	assert_int_equal(errors, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(young, fresh, clean),
	    cmocka_unit_test_setup_teardown(old, fresh, clean),
	    cmocka_unit_test_setup_teardown(at_once, fresh, clean),
	    cmocka_unit_test_setup_teardown(large, fresh, clean),
	    cmocka_unit_test_setup_teardown(many, fresh, clean),
	    cmocka_unit_test_setup_teardown(crowd, fresh, clean),
	    cmocka_unit_test_setup_teardown(huge, fresh, clean),
	    cmocka_unit_test_setup_teardown(no_place, fresh, clean),
	    cmocka_unit_test_setup_teardown(unwritable, fresh, clean)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
