/* The broker: whom it refuses, and what a child is like. */
#include "config.h"

#include "courierd/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static void test_policy(void **state)
{
	struct broker_limits l = {.min_uid = 100, .max_uid = 5000, .root = true};
	struct owner o = {.name = "a", .uid = 1000, .gid = 1000, .home = "/home/a"};
	assert_null(broker_refusal(&l, &o));
	o.uid = 0;
	assert_non_null(broker_refusal(&l, &o));
	o.uid = UINT32_MAX;
	assert_non_null(broker_refusal(&l, &o));
	o.uid = 99;
	assert_non_null(broker_refusal(&l, &o));
	o.uid = 100;
	assert_null(broker_refusal(&l, &o));
	o.uid = 5001;
	assert_non_null(broker_refusal(&l, &o));
	l.max_uid = 0;
	assert_null(broker_refusal(&l, &o));
	o.gid = 0;
	assert_non_null(broker_refusal(&l, &o));
	o.gid = 1;
	o.home = "relative";
	assert_non_null(broker_refusal(&l, &o));
	/* Not root: as oneself or not at all, and the range does not matter. */
	l = (struct broker_limits){.min_uid = 100, .own_uid = 50};
	o = (struct owner){.name = "a", .uid = 50, .home = "/home/a"};
	assert_null(broker_refusal(&l, &o));
	o.uid = 1000;
	assert_non_null(broker_refusal(&l, &o));
	l.own_uid = 0;
	o.uid = 0;
	assert_non_null(broker_refusal(&l, &o));
}

/* Runs the shell text; its output comes back through `in`/`out`. */
static void run(
    struct spawn *s, const char *script, char *output, size_t size, struct spawn_report *r)
{
	int fds[2], report, status;
	char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, mem_strdup(script), NULL};
	char *env[] = {(char[]){"ONLY=this"}, NULL};
	struct pollfd p = {.events = POLLIN};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	if (!s->path)
		s->path = "/bin/sh";
	s->argv = argv;
	s->env = env;
	s->in = s->out = fds[1];
	pid_t pid = spawn_child(s, &report);
	assert_true(pid > 0);
	close(fds[1]);
	p.fd = report;
	assert_int_equal(poll(&p, 1, 10000), 1);
	*r = (struct spawn_report){0};
	assert_true(read(report, r, sizeof *r) >= 0);
	close(report);
	size_t n = 0;
	ssize_t got;
	while (n < size - 1 && (got = read(fds[0], output + n, size - 1 - n)) > 0)
		n += (size_t)got;
	output[n] = 0;
	close(fds[0]);
	waitpid(pid, &status, 0);
	free(argv[2]);
}

static void test_child(void **state)
{
	char out[4096];
	struct spawn_report r;
	struct spawn s = {.edge = -1, .home = "/tmp", .no_new_privs = true};
	int stray = open("/dev/null", O_RDONLY); /* not close-on-exec: must not get through */
	run(&s, "true", out, sizeof out, &r);
	assert_int_equal(r.step, SPAWN_LOCKED); /* /tmp is sticky */
	s.home = "/";
	run(&s,
	    "pwd; echo $ONLY; for f in /proc/$$/fd/*; do test -e $f && echo ${f##*/}; done; "
	    "grep NoNewPrivs /proc/$$/status; umask; ulimit -c",
	    out, sizeof out, &r);
	close(stray);
	assert_int_equal(r.step, SPAWN_FINE);
	assert_string_equal(out, "/\nthis\n0\n1\n2\nNoNewPrivs:\t1\n0077\n0\n");
}

static void test_failures(void **state)
{
	char out[4096];
	struct spawn_report r;
	struct buf why;
	struct spawn s = {.edge = -1, .home = "/nonexistent/x"};
	run(&s, "true", out, sizeof out, &r);
	assert_int_equal(r.step, SPAWN_HOME);
	assert_int_equal(r.error, ENOENT);
	buf_init(&why, 1000);
	spawn_explain(&r, s.home, &why);
	assert_string_equal(
	    why.p, "cannot enter the home folder '/nonexistent/x': No such file or directory");
	buf_free(&why);
	s.home = NULL;
	s.path = "/nonexistent/program";
	run(&s, "true", out, sizeof out, &r);
	assert_int_equal(r.step, SPAWN_EXEC);
}

static void test_rights(void **state)
{
	char out[4096];
	struct spawn_report r;
	struct spawn s = {.edge = -1, .uid = 12345, .gid = 54321, .drop = true};
	if (geteuid() != 0) {
		run(&s, "true", out, sizeof out, &r);
		assert_int_equal(r.step, SPAWN_GROUPS);
		return;
	}
	run(&s, "id -u; id -g; id -G; grep CapEff /proc/$$/status", out, sizeof out, &r);
	assert_int_equal(r.step, SPAWN_FINE);
	assert_string_equal(out, "12345\n54321\n54321\nCapEff:\t0000000000000000\n");
	s.uid = 0; /* a way back: refused even here */
	run(&s, "id", out, sizeof out, &r);
	assert_int_equal(r.step, SPAWN_REGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_policy),
	    cmocka_unit_test(test_child),
	    cmocka_unit_test(test_failures),
	    cmocka_unit_test(test_rights),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
