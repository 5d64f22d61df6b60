/* The board on which the server's workers count their connections. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "esmtpd/board.h"

static struct board_place place_of(const struct board *b, const char *ip)
{
	struct sockaddr_storage ss = {0};

	if (inet_pton(AF_INET, ip, &((struct sockaddr_in *)&ss)->sin_addr) == 1)
		ss.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, ip, &((struct sockaddr_in6 *)&ss)->sin6_addr) == 1)
		ss.ss_family = AF_INET6;
	return board_place(b, &ss);
}

/* MTA-0631: MAXPERC counts a /24 of IPv4 and a /64 of IPv6. */
static void test_networks(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
	    {"192.0.2.1", "192.0.2.254", true},
	    {"192.0.2.1", "192.0.3.1", false},
	    {"192.0.2.1", "::ffff:192.0.2.7", true},
	    {"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true},
	    {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
	};
	struct board *b = board_new(NULL);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct board_place x = place_of(b, cases[i].a), y = place_of(b, cases[i].b);
		assert_int_equal(x.network == y.network, cases[i].same);
		assert_true(x.address != y.address);
	}
	board_free(b);
}

/* A worker that ends with its sessions counts them off its own part, not its successor's. */
static void test_two_generations(void **state)
{
	struct sockaddr_storage peer = {.ss_family = AF_INET};
	char path[64];

	(void)state;
	snprintf(path, sizeof path, "/tmp/esmtpd.board.%d", (int)getpid());
	unlink(path);
	struct board *old = board_new(path);
	struct board_place place = board_place(old, &peer);
	board_enter(old, place);
	struct board *fresh = board_new(path);
	assert_int_equal(board_count(fresh, place).total, 1);
	board_enter(fresh, place);
	board_leave(old, place);
	assert_int_equal(board_count(fresh, place).total, 1);
	assert_int_equal(board_count(fresh, place).address, 1);
	board_free(old);
	assert_int_equal(board_count(fresh, place).total, 1);
	board_free(fresh);
	unlink(path);
}

static void board_file(char path[64], const char *name)
{
	snprintf(path, 64, "/tmp/esmtpd.board.%s.%d", name, (int)getpid());
	unlink(path);
}

/* Two processes that step together: no futex, which would let one go long before the other. */
enum { ROUNDS = 20000, SPINS = 50 * 1000 * 1000 };
struct steps {
	_Atomic unsigned at[2];
	_Atomic bool in[2];
};

static void step(struct steps *s, int me, unsigned n)
{
	atomic_store(&s->at[me], n);
	for (long i = 0; atomic_load(&s->at[!me]) < n; i++) {
		if (i > SPINS)
			_exit(1); /* the other is gone */
		if (i % 1000 == 999)
			sched_yield();
	}
}

/* To each a processor of its own, where there are two: they must really meet. */
static void settle(int me)
{
	cpu_set_t all, one;
	int n = 0;

	if (sched_getaffinity(0, sizeof all, &all) < 0 || CPU_COUNT(&all) < 2)
		return;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all) && n++ == me) {
			CPU_ZERO(&one);
			CPU_SET(cpu, &one);
			(void)sched_setaffinity(0, sizeof one, &one);
			return;
		}
}

/* Both want the only place, at once.  Returns how often both got it. */
static unsigned race(struct board *b, struct steps *s, int me)
{
	struct board_place place = place_of(b, "192.0.2.1");
	unsigned both = 0;

	settle(me);
	for (unsigned r = 0; r < ROUNDS; r++) {
		step(s, me, 3 * r + 1);
		bool in = board_enter(b, place).address <= 1;
		if (!in)
			board_leave(b, place);
		atomic_store(&s->in[me], in);
		step(s, me, 3 * r + 2);
		both += in && atomic_load(&s->in[!me]);
		step(s, me, 3 * r + 3);
		if (in)
			board_leave(b, place);
	}
	return both;
}

/* MTA-0632: MAXPERIP once let 61 of 60 in, when two workers looked at the same moment. */
static void test_race(void **state)
{
	char path[64];
	int status = -1;
	struct steps *s =
	    mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(s != MAP_FAILED);
	board_file(path, "race");
	pid_t pid = fork();
	assert_true(pid >= 0);
	struct board *b = board_new(path);
	if (pid == 0)
		_exit(b && race(b, s, 1) == 0 ? 0 : 1);
	assert_non_null(b);
	assert_int_equal(race(b, s, 0), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	board_free(b);
	unlink(path);
	munmap(s, sizeof *s);
}

/* What a killed worker had counted is nobody's, soon. */
static void test_killed(void **state)
{
	char path[64];
	int ready[2];

	(void)state;
	board_file(path, "killed");
	struct board *b = board_new(path);
	struct board_place place = place_of(b, "192.0.2.1");
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct board *mine = board_new(path);
		board_enter(mine, place);
		board_enter(mine, place);
		(void)!write(ready[1], "", 1);
		pause();
		_exit(0);
	}
	char c;
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(board_enter(b, place).address, 3);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	for (int i = 0; i < 100 && board_count(b, place).address > 1; i++)
		usleep(50000);
	assert_int_equal(board_count(b, place).address, 1);
	assert_int_equal(board_count(b, place).total, 1);
	close(ready[0]);
	close(ready[1]);
	board_free(b);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_two_generations),
	    cmocka_unit_test(test_networks),
	    cmocka_unit_test(test_race),
	    cmocka_unit_test(test_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
