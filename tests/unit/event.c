/* libs/event: lines, end of file, overflow, finishing, timers. */
#include "config.h"

#include "event/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

struct peer {
	struct loop *loop;
	struct stream *s;
	struct buf seen;
	int lines, ended;
	enum stream_end why;
	bool drained;
};

static void take_lines(void *ctx, struct stream *s)
{
	struct peer *p = ctx;
	struct str line;
	size_t used;
	if (stream_line(s, 100, false, &line, &used) == 1) {
		p->lines++;
		buf_addf(&p->seen, "[%.*s]", STR_FMT(line));
		stream_consume(s, used);
		stream_printf(s, "ok %d\r\n", p->lines);
	}
}

static void closed(void *ctx, struct stream *s, enum stream_end why)
{
	struct peer *p = ctx;
	p->ended++;
	p->why = why;
	stream_free(s);
	loop_stop(p->loop);
}

static void drained(void *ctx, struct stream *s)
{
	((struct peer *)ctx)->drained = true;
}

static const struct stream_handlers handlers = {take_lines, drained, closed, NULL};

static int begin(struct peer *p, size_t in_max, size_t out_max)
{
	int fds[2];
	*p = (struct peer){.loop = loop_new()};
	buf_init(&p->seen, 10000);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	p->s = stream_new(p->loop, fds[0], in_max, out_max, &handlers, p);
	return fds[1];
}

static void over(struct peer *p, int fd)
{
	buf_free(&p->seen);
	loop_free(p->loop);
	close(fd);
}

static void test_lines_then_eof(void **state)
{
	struct peer p;
	int fd = begin(&p, 1000, 1000);
	assert_int_equal(write(fd, "one\r\ntwo\nthr", 12), 12);
	assert_int_equal(write(fd, "ee\r\nrest", 8), 8);
	shutdown(fd, SHUT_WR);
	loop_run(p.loop);
	assert_string_equal(p.seen.p, "[one][two][three]");
	assert_int_equal(p.why, STREAM_EOF);
	assert_int_equal(p.ended, 1);
	over(&p, fd);
}

static void test_overflow(void **state)
{
	struct peer p;
	int fd = begin(&p, 1000, 20);
	stream_printf(p.s, "%s", "0123456789012345678901234567890123456789");
	loop_run(p.loop);
	assert_int_equal(p.why, STREAM_OVERFLOW);
	over(&p, fd);
}

static void test_timer(void **state)
{
	struct peer p;
	int fd = begin(&p, 1000, 1000);
	stream_timer(p.s, 5);
	loop_run(p.loop);
	assert_int_equal(p.why, STREAM_TIMEOUT);
	over(&p, fd);
}

static void resume(void *ctx)
{
	stream_resume(((struct peer *)ctx)->s);
}

static void test_pause(void **state)
{
	struct peer p;
	int fd = begin(&p, 1000, 1000);
	stream_pause(p.s);
	struct timer *t = timer_new(p.loop, resume, &p);
	timer_set(t, 20);
	assert_int_equal(write(fd, "a\nb\n", 4), 4);
	shutdown(fd, SHUT_WR);
	loop_run(p.loop);
	assert_string_equal(p.seen.p, "[a][b]");
	assert_int_equal(p.why, STREAM_EOF);
	timer_free(t);
	over(&p, fd);
}

struct strict {
	struct loop *loop;
	int result;
	char line[100];
};

static void strict_input(void *ctx, struct stream *s)
{
	struct strict *t = ctx;
	struct str line = STR_NONE;
	size_t used = 0;
	t->result = stream_line(s, 10, true, &line, &used);
	snprintf(t->line, sizeof t->line, "%.*s", STR_FMT(line));
	stream_free(s);
	loop_stop(t->loop);
}

/* Only CRLF ends a line in strict mode; a CR whose LF may still come is no fault yet. */
/* Whether the kernel would still wake one of our loops for this descriptor's number. */
static bool kernel_knows(int fd)
{
	for (int e = 0; e < 64; e++) {
		char path[64], line[200];
		int target;
		snprintf(path, sizeof path, "/proc/self/fdinfo/%d", e);
		FILE *f = fopen(path, "r");
		while (f && fgets(line, sizeof line, f))
			if (sscanf(line, "tfd: %d", &target) == 1 && target == fd) {
				fclose(f);
				return true;
			}
		if (f)
			fclose(f);
	}
	return false;
}

static struct watch *shared;

static void leave_shared(void *ctx, int fd, int what)
{
	watch_close(shared);
}

static void stop_loop(void *ctx)
{
	loop_stop(ctx);
}

/* A descriptor that others hold, too: closing it alone would leave it with the kernel, which would
 * wake us for ever. */
static void test_watch_close(void **state)
{
	int fds[2];
	struct loop *l = loop_new();
	struct timer *t = timer_new(l, stop_loop, l);
	assert_int_equal(pipe(fds), 0);
	int mine = dup(fds[0]);
	shared = watch_new(l, mine, leave_shared, NULL);
	watch_set(shared, WATCH_READ);
	assert_int_equal(write(fds[1], "x", 1), 1);
	timer_set(t, 50);
	assert_int_equal(loop_run(l), 0);
	assert_int_equal(fcntl(mine, F_GETFD), -1);
	assert_false(kernel_knows(mine));
	close(fds[0]);
	close(fds[1]);
	timer_free(t);
	loop_free(l);
}

static void test_strict(void **state)
{
	static const struct stream_handlers h = {strict_input, NULL, closed, NULL};
	static const struct {
		const char *in;
		int result;
		const char *line;
	} cases[] = {
	    {"abc\r\nx", 1, "abc"},
	    {"\r\n", 1, ""},
	    {"abc\n", -2, ""},
	    {"a\rb\r\n", -2, ""},
	    {"a\rb", -2, ""},
	    {"abc\r", 0, ""},
	    {"abc", 0, ""},
	    {"0123456789a", -1, ""},
	    {"0123456789a\r\n", -1, ""},
	    {"0123456789\r\n", 1, "0123456789"},
	    {"abc\r\r\n", -2, ""},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct strict t = {.loop = loop_new(), .result = 99};
		int fds[2];
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		assert_non_null(stream_new(t.loop, fds[0], 100, 100, &h, &t));
		ssize_t n = (ssize_t)strlen(cases[i].in);
		assert_int_equal(write(fds[1], cases[i].in, (size_t)n), n);
		loop_run(t.loop);
		if (t.result != cases[i].result)
			fail_msg("case %zu: %d instead of %d", i, t.result, cases[i].result);
		assert_string_equal(t.line, cases[i].line);
		close(fds[1]);
		loop_free(t.loop);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines_then_eof),
	    cmocka_unit_test(test_overflow),
	    cmocka_unit_test(test_timer),
	    cmocka_unit_test(test_pause),
	    cmocka_unit_test(test_strict),
	    cmocka_unit_test(test_watch_close),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
