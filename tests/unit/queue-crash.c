/*
 * The queue is killed before each of its system calls, and each fails in turn.  What was said to be
 * durable is there afterwards, what was said to be gone is not, and looking twice shows the same.
 */
#include "config.h"

#include "queue/queue.h"
#include "tests/lib/failsys.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SEGMENT = 64 * 1024, N = 8, TIME_LIMIT = 20 };
static char dir[64];
static int said; /* the child's end of the pipe */
static struct loop *loop;
static struct queue *q;

struct state {
	uint64_t seq;
	bool stored, appended, asked_append, removed, asked_removal;
} st[N];

static int remove_one(
    const char *path, const struct stat *s UNUSED, int flag UNUSED, struct FTW *f UNUSED)
{
	return remove(path);
}

static void trouble(void *ctx UNUSED, const char *what UNUSED, int error UNUSED) {}

static struct queue *open_it(struct queue_report *r)
{
	struct queue_disk_config c = {.dir = dir, .segment_size = SEGMENT, .trouble = trouble};
	buf_init(&r->text, 65536);
	loop = loop_new();
	return queue_open_disk(loop, &c, r);
}

struct note {
	char what;
	unsigned i;
};
static struct note notes[4 * N];
static unsigned n_notes, answered;

static void tell(char what, unsigned i, uint64_t seq)
{
	char line[64];
	int n = snprintf(line, sizeof line, "%c %u %llu\n", what, i, (unsigned long long)seq);
	if (write(said, line, (size_t)n) != n)
		_exit(3);
}

static void answer(void *ctx, int error)
{
	struct note *x = ctx;
	answered++;
	if (!error)
		tell(x->what, x->i, st[x->i].seq);
}

static struct note *note(char what, unsigned i)
{
	notes[n_notes] = (struct note){what, i};
	return &notes[n_notes++];
}

static void stop(void *ctx UNUSED)
{
	loop_stop(loop);
}

static void run_until(unsigned n, int64_t most_ms)
{
	struct timer *t = timer_new(loop, stop, NULL);
	for (int64_t i = 0; i < most_ms && answered < n; i += 2) {
		timer_set(t, 2);
		loop_run(loop);
	}
	timer_free(t);
}

static void store(unsigned i)
{
	char control[32], body[64], name[64] = "";
	snprintf(control, sizeof control, "s%u\n", i);
	snprintf(body, sizeof body, "body of %u", i);
	if (queue_reserve(q, 1, &st[i].seq))
		return;
	struct queue_commit c = {
	    .seq = st[i].seq, .control = str_of(control), .body = str_of(body)};
	if (i == 3) {
		int fd = queue_tmpfile_make(q, name, sizeof name);
		if (fd < 0 || file_write_all(fd, body, strlen(body)))
			return;
		file_sync(fd);
		close(fd);
		c.file = name;
	}
	tell('?', i, st[i].seq);
	if (queue_store(q, &c, answer, note('c', i)))
		n_notes--;
}

static void add(unsigned i, bool lazy)
{
	tell('+', i, st[i].seq);
	if (queue_append(q, st[i].seq, STR("S0 1 l\n"), lazy, answer, note('a', i)))
		n_notes--;
}

static void end(unsigned i)
{
	tell('-', i, st[i].seq);
	if (queue_remove(q, st[i].seq, answer, note('r', i)))
		n_notes--;
}

/* A short life of a queue with every kind of step in it, twice opened. */
static void child(long at, int error)
{
	struct queue_report r;
	alarm(TIME_LIMIT);
	failsys_arm(at, error, false);
	if (!(q = open_it(&r)))
		_exit(0);
	for (unsigned i = 0; i < N - 2; i++)
		store(i);
	run_until(n_notes, 3000);
	add(0, false);
	add(1, true);
	end(2);
	run_until(n_notes, 3000);
	queue_settle(q, st[1].seq, 5000000000);
	queue_settle(q, st[4].seq, 5000000000);
	queue_settle(q, st[5].seq, 5000000000);
	store(6);
	run_until(n_notes, 3000);
	run_until(answered + 1, 30);
	add(4, false);
	end(5);
	end(3);
	run_until(n_notes, 3000);
	queue_close(q);
	if (!(q = open_it(&r)))
		_exit(0);
	/* a note is never used twice: a late answer would tell of something else */
	answered = n_notes;
	store(7);
	run_until(n_notes, 3000);
	struct buf b;
	buf_init(&b, 1000);
	if (queue_load(q, st[0].seq, &b) == 0)
		end(0);
	run_until(n_notes, 3000);
	queue_close(q);
	tell('x', 0, (uint64_t)failsys_count());
	_exit(0);
}

static long finished;

static void hear(int fd)
{
	struct buf b;
	struct str rest, line;
	buf_init(&b, 65536);
	assert_int_equal(file_read_fd(fd, &b), 0);
	rest = buf_str(&b);
	finished = 0;
	memset(st, 0, sizeof st);
	while (str_split(&rest, '\n', &line)) {
		unsigned i;
		unsigned long long seq;
		char what;
		if (!line.n || sscanf(line.p, "%c %u %llu", &what, &i, &seq) != 3)
			continue;
		if (what == 'x') {
			finished = (long)seq;
			continue;
		}
		st[i].seq = seq;
		st[i].stored |= what == 'c';
		st[i].appended |= what == 'a';
		st[i].asked_append |= what == '+';
		st[i].removed |= what == 'r';
		st[i].asked_removal |= what == '-';
	}
	buf_free(&b);
}

static uint64_t seen[64];
static size_t n_seen;

static void see(void *ctx UNUSED, uint64_t seq, int64_t next UNUSED)
{
	assert_true(n_seen < ARRAY_LEN(seen));
	seen[n_seen++] = seq;
}

static bool present(uint64_t seq)
{
	for (size_t i = 0; i < n_seen; i++)
		if (seen[i] == seq)
			return true;
	return false;
}

static void check_one(unsigned i)
{
	char want[32], body[64];
	struct buf b;
	bool here = present(st[i].seq);
	if (st[i].removed)
		assert_false(here);
	if (st[i].stored && !st[i].asked_removal)
		assert_true(here);
	if (!here)
		return;
	buf_init(&b, 1000);
	assert_int_equal(queue_load(q, st[i].seq, &b), 0);
	snprintf(want, sizeof want, "s%u\n", i);
	bool with = strstr(b.p, "S0 1 l\n") != NULL;
	if (st[i].appended)
		assert_true(with);
	assert_true(!with || st[i].asked_append);
	if (with)
		snprintf(want, sizeof want, "s%u\nS0 1 l\n", i);
	assert_string_equal(b.p, want);
	buf_clear(&b);
	snprintf(body, sizeof body, "body of %u", i);
	assert_int_equal(queue_body(q, st[i].seq, 1000, &b), 1);
	assert_string_equal(b.p, body);
	buf_free(&b);
}

static void check(void)
{
	size_t first = 0;
	for (int twice = 0; twice < 2; twice++) {
		struct queue_report r;
		q = open_it(&r);
		if (!q)
			fprintf(stderr, "%s", r.text.p);
		assert_non_null(q);
		n_seen = 0;
		assert_int_equal(queue_each(q, see, NULL), 0);
		for (unsigned i = 0; i < N; i++)
			if (st[i].seq)
				check_one(i);
		queue_close(q);
		loop_free(loop);
		assert_true(!twice || n_seen == first);
		first = n_seen;
		buf_free(&r.text);
	}
}

/* How many calls it made, or 0 when it did not come to its end. */
static long one(long at, int error)
{
	int p[2], status;
	nftw(dir, remove_one, 20, FTW_DEPTH | FTW_PHYS);
	assert_int_equal(pipe(p), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(p[0]);
		said = p[1];
		child(at, error);
	}
	close(p[1]);
	hear(p[0]);
	close(p[0]);
	assert_true(waitpid(pid, &status, 0) == pid);
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		fail_msg("call %ld, error %d: signal %d", at, error, WTERMSIG(status));
	check();
	return finished;
}

static void each_call(int error, long step)
{
	long calls = one(0, 0);
	assert_true(calls > 50);
	for (long at = 1; at <= calls + 5; at += step)
		one(at, error);
}

static void killed(void **state UNUSED)
{
	each_call(0, 1);
}
static void no_space(void **state UNUSED)
{
	each_call(ENOSPC, 9);
}
static void broken_disk(void **state UNUSED)
{
	each_call(EIO, 7);
}
static void no_descriptors(void **state UNUSED)
{
	each_call(EMFILE, 11);
}

static int clean(void **state UNUSED)
{
	snprintf(dir, sizeof dir, "/tmp/sched.crash.%d", (int)getpid());
	nftw(dir, remove_one, 20, FTW_DEPTH | FTW_PHYS);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(killed), cmocka_unit_test(no_space),
	    cmocka_unit_test(broken_disk), cmocka_unit_test(no_descriptors)};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, clean, clean);
}
