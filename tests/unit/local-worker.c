/* courierlocal-worker itself, driven over its edge: deliveries of all kinds, and kill -9. */
#include "config.h"

#include "local/worker-proto.h"
#include "maildir/maildir.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "local-bench.h"

static void test_maildir(void **state)
{
	struct bench *b = *state;
	struct worker_delivery d = bench_delivery(b);
	char name[512];
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	assert_int_equal(bench_count(b, "new", name, sizeof name), 1);
	assert_int_equal(bench_count(b, "tmp", NULL, 0), 0);
	char *text = bench_get(b, name);
	assert_string_equal(text,
	    "Delivered-To: joe-ext@example.com\nReturn-Path: <from@example.net>\n"
	    "Subject: x\n\nFrom here\nend\n");
	free(text);
	/* MTA-1221: its own Delivered-To comes back, a loop, and says nothing of the address. */
	d.address = STR("JOE-ext@example.com");
	d.body = STR("Delivered-To: joe-ext@example.com\n\nx\n");
	d.size = d.body.n;
	assert_int_equal(bench_deliver(b, &d), WORKER_BOUNCE);
	assert_string_equal(b->status, "5.4.6");
}

static void test_batch(void **state)
{
	struct bench *b = *state;
	struct worker_delivery d = bench_delivery(b);
	for (uint32_t i = 1; i <= 100; i++)
		assert_int_equal(worker_send_delivery(b->c, i, &d, -1), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(bench_answer(b), WORKER_OK);
	assert_int_equal(bench_count(b, "new", NULL, 0), 100);
	d.quota = STR("1C");
	assert_int_equal(bench_deliver(b, &d), WORKER_DEFER);
	assert_string_equal(b->status, "4.2.2");
	d.uid++;
	assert_int_equal(bench_deliver(b, &d), WORKER_DEFER);
}

static void test_descriptor(void **state)
{
	struct bench *b = *state;
	struct worker_delivery d = bench_delivery(b);
	char name[512];
	struct stat st;
	bench_put(b, "message", bench_body);
	snprintf(name, sizeof name, "%s/message", b->home);
	int fd = open(name, O_RDONLY);
	d.body = STR_NONE;
	assert_int_equal(worker_send_delivery(b->c, 1, &d, fd), 0);
	close(fd);
	assert_int_equal(bench_answer(b), WORKER_OK);
	assert_int_equal(bench_count(b, "new", name, sizeof name), 1);
	/* Less in the file than announced: nothing is delivered. */
	snprintf(name, sizeof name, "%s/message", b->home);
	fd = open(name, O_RDONLY);
	d.size += 1;
	assert_int_equal(worker_send_delivery(b->c, 2, &d, fd), 0);
	close(fd);
	assert_int_equal(bench_answer(b), WORKER_DEFER);
	assert_int_equal(bench_count(b, "new", NULL, 0) + bench_count(b, "tmp", NULL, 0), 1);
	assert_int_equal(stat(name, &st), 0);
}

static const char whole[] = "Delivered-To: joe-ext@example.com\nReturn-Path: <from@example.net>\n"
			    "Subject: x\n\nFrom here\nend\n";

static void check_whole(struct bench *b, const char *name)
{
	char *text = bench_get(b, name);
	assert_non_null(text);
	assert_string_equal(text, whole);
	free(text);
}

/* The place says which file it is, below the home. */
static const char *file_of(struct bench *b)
{
	const char *at = strstr(b->place, b->home);
	assert_non_null(at);
	return at + strlen(b->home) + 1;
}

/* Delivered without a sync: the answer names the place, and one sync serves all. */
static void test_place(void **state)
{
	struct bench *b = *state;
	struct worker_delivery d = bench_delivery(b);
	char maildir[128];
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	assert_string_equal(b->place, "");
	d.flags = WORKER_NO_SYNC;
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	if (!b->place[0])
		skip(); /* the file system of /tmp is not one of those */
	check_whole(b, file_of(b));
	assert_true(b->device != 0);
	/* Several instructions: each is synced at once, for there is no one place. */
	bench_put(b, ".courier", "./Maildir\n./Maildir\n");
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	assert_string_equal(b->place, "");
	assert_int_equal(bench_count(b, "new", NULL, 0), 4);
	snprintf(maildir, sizeof maildir, "%s/Maildir", b->home);
	d.flags = WORKER_SYNC;
	d.maildir = str_of(maildir);
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	d.maildir = STR("/nonexistent");
	assert_int_equal(bench_deliver(b, &d), WORKER_DEFER);
	assert_int_equal(bench_count(b, "new", NULL, 0), 4);
}

static void damage(struct bench *b, const char *name, const char *text)
{
	char path[640];
	snprintf(path, sizeof path, "%s/%s", b->home, name);
	if (!text) {
		assert_int_equal(unlink(path), 0);
		return;
	}
	int fd = open(path, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void test_place_again(void **state)
{
	struct bench *b = *state;
	struct worker_delivery d = bench_delivery(b);
	char place[512], other[640], name[512];
	d.flags = WORKER_NO_SYNC;
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	if (!b->place[0])
		skip();
	snprintf(place, sizeof place, "%s", b->place);
	snprintf(name, sizeof name, "%s", file_of(b));
	snprintf(other, sizeof other, "another-run %s/%s", b->home, name);
	/* Whole: nothing is added.  Synced afterwards, so no place is named. */
	d.place = str_of(place);
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	assert_string_equal(b->place, "");
	/* Empty, short, or other bytes: mended under its name, in this run of the kernel or not. */
	static const char *const bad[] = {"", "Delivered-To: joe", "xxxx"};
	for (size_t i = 0; i < 2 * ARRAY_LEN(bad); i++) {
		damage(b, name, bad[i / 2]);
		d.place = str_of(i & 1 ? place : other);
		assert_int_equal(bench_deliver(b, &d), WORKER_OK);
		check_whole(b, name);
	}
	char same[sizeof whole];
	memset(same, 0, sizeof same);
	memset(same, 'z', sizeof same - 1);
	damage(b, name, same);
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	check_whole(b, name);
	assert_int_equal(bench_count(b, "new", NULL, 0), 1);
	/* Gone in this run of the kernel: its reader took it.  In another one: made again. */
	damage(b, name, NULL);
	d.place = str_of(place);
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	assert_int_equal(bench_count(b, "new", NULL, 0), 0);
	d.place = str_of(other);
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	check_whole(b, name);
	damage(b, name, NULL);
	d.place = str_of(place);
	d.flags |= WORKER_DOUBT; /* a sync has failed */
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	check_whole(b, name);
	/* Read since: found where its reader has put it. */
	char from[640], to[640];
	snprintf(from, sizeof from, "%s/%s", b->home, name);
	snprintf(to, sizeof to, "%s/Maildir/cur%s:2,S", b->home, strrchr(name, '/'));
	assert_int_equal(rename(from, to), 0);
	d.place = str_of(other);
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	assert_int_equal(bench_count(b, "new", NULL, 0), 0);
	assert_int_equal(bench_count(b, "cur", NULL, 0), 1);
	assert_int_equal(bench_count(b, "tmp", NULL, 0), 0);
	/* No place at all, or a mailbox that is gone: delivered like any other. */
	d.place = STR("?");
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	assert_int_equal(bench_count(b, "new", NULL, 0), 1);
	d.place = STR("run /nonexistent/Maildir/new/1.2.3");
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	assert_int_equal(bench_count(b, "new", NULL, 0), 2);
}

/* In a Maildir of a group what is made again is the group's, too. */
static void test_place_shared(void **state)
{
	struct bench *b = *state;
	struct worker_delivery d = bench_delivery(b);
	char other[640], name[512], path[640];
	struct stat st;
	d.flags = WORKER_NO_SYNC;
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	if (!b->place[0])
		skip();
	snprintf(name, sizeof name, "%s", file_of(b));
	snprintf(path, sizeof path, "%s/Maildir/tmp", b->home);
	assert_int_equal(chmod(path, 02770), 0);
	damage(b, name, NULL);
	snprintf(other, sizeof other, "another-run %s/%s", b->home, name);
	d.place = str_of(other);
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	check_whole(b, name);
	snprintf(path, sizeof path, "%s/%s", b->home, name);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
}

static void test_mbox(void **state)
{
	struct bench *b = *state;
	struct worker_delivery d = bench_delivery(b);
	bench_put(b, ".courier", "./inbox\n/dev/null\n");
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	char *text = bench_get(b, "inbox");
	assert_non_null(text);
	assert_int_equal(strncmp(text, "From from@example.net ", 22), 0);
	assert_non_null(
	    strstr(text, "\nDelivered-To: joe-ext@example.com\nReturn-Path: <from@example.net>\n"
			 "Subject: x\n\n>From here\nend\n\nFrom from@example.net "));
	free(text);
}

static void test_extensions(void **state)
{
	struct bench *b = *state;
	struct worker_delivery d = bench_delivery(b);
	d.ext = STR("a.b-c");
	assert_int_equal(bench_deliver(b, &d), WORKER_FAIL);
	assert_string_equal(b->status, "5.1.1");
	bench_put(b, ".courier-a:b-default", "&one@example.org, two\n");
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	assert_string_equal(b->forwards, "one@example.org\ntwo\n");
	bench_put(b, ".courier-a:b-c", "# nothing\n");
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	assert_string_equal(b->forwards, "");
	assert_int_equal(bench_count(b, "new", NULL, 0), 0);
	char path[128];
	snprintf(path, sizeof path, "%s/.courier-a:b-c", b->home);
	chmod(path, 0620);
	assert_int_equal(bench_deliver(b, &d), WORKER_DEFER);
}

static void test_home(void **state)
{
	struct bench *b = *state;
	struct worker_delivery d = bench_delivery(b);
	chmod(b->home, 01700);
	assert_int_equal(bench_deliver(b, &d), WORKER_DEFER);
	chmod(b->home, 0702);
	assert_int_equal(bench_deliver(b, &d), WORKER_DEFER);
	chmod(b->home, 0700);
	d.home = STR("/nonexistent/home");
	assert_int_equal(bench_deliver(b, &d), WORKER_NO_HOME);
	assert_int_equal(bench_count(b, "new", NULL, 0), 0);
}

static void test_programs(void **state)
{
	struct bench *b = *state;
	struct worker_delivery d = bench_delivery(b);
	bench_put(b, ".courier", "|cat >got; echo \"$SENDER $EXT $EXT2 $HOME\" >env; echo hello\n");
	assert_int_equal(bench_deliver(b, &d), WORKER_NEED_FRESH);
	d.flags = WORKER_FRESH;
	d.ext = STR("");
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	char *text = bench_get(b, "got"), *env = bench_get(b, "env");
	assert_string_equal(text, bench_body);
	assert_non_null(strstr(env, "from@example.net"));
	free(text);
	free(env);
	bench_put(b, ".courier", "|echo sorry; exit 67\n./Maildir\n");
	assert_int_equal(bench_deliver(b, &d), WORKER_FAIL);
	assert_string_equal(b->text, "sorry");
	bench_put(b, ".courier", "|exit 99\n./Maildir\n");
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	bench_put(b, ".courier", "|exit 1\n./Maildir\n");
	assert_int_equal(bench_deliver(b, &d), WORKER_DEFER);
	assert_int_equal(bench_count(b, "new", NULL, 0), 0);
	bench_put(b, ".courier", "||echo ./Maildir; echo a@b\n");
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	assert_string_equal(b->forwards, "a@b\n");
	assert_int_equal(bench_count(b, "new", NULL, 0), 1);
	bench_put(b, ".courier", "|sleep 60\n");
	d.program_seconds = 1;
	assert_int_equal(bench_deliver(b, &d), WORKER_DEFER);
}

static void test_look(void **state)
{
	struct bench *b = *state;
	struct worker_rules rules = {.dot = STR("courier"), .seps = STR("+")};
	static const struct {
		const char *ext;
		uint8_t want;
	} cases[] = {{"", BROKER_LOOK_YES}, {"a", BROKER_LOOK_YES}, {"b", BROKER_LOOK_NO}};
	bench_put(b, ".courier-a", "");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ipc_msg m;
		ipc_compose(b->c, WORKER_LOOK, 9);
		worker_put_rules(b->c, &rules);
		ipc_put_z(b->c, b->home);
		ipc_put_z(b->c, cases[i].ext);
		assert_int_equal(ipc_send(b->c, -1), 0);
		assert_int_equal(ipc_recv(b->c, &m, 10000), 1);
		assert_int_equal(m.type, WORKER_LOOKED);
		assert_int_equal((uint8_t)m.body.p[0], cases[i].want);
	}
}

/* Killed anywhere: what was answered is there, and every message in new is whole. */
static void test_kill(void **state)
{
	struct bench *b = *state;
	struct worker_delivery d = bench_delivery(b);
	unsigned acknowledged = 0;
	for (unsigned round = 0; round < 20; round++) {
		for (uint32_t i = 1; i <= 40; i++)
			if (worker_send_delivery(b->c, i, &d, -1) < 0)
				break;
		usleep(round * 700);
		kill(b->pid, SIGKILL);
		struct ipc_msg m;
		struct worker_result r;
		while (ipc_recv(b->c, &m, 5000) == 1)
			acknowledged += worker_read_result(&m, &r) && r.outcome == WORKER_OK;
		bench_stop(b);
		bench_start(b);
	}
	char path[256];
	struct stat st;
	snprintf(path, sizeof path, "%s/Maildir/new", b->home);
	DIR *dir = opendir(path);
	unsigned n = 0;
	off_t size = 0;
	for (struct dirent *e; dir && (e = readdir(dir));) {
		if (e->d_name[0] == '.')
			continue;
		assert_int_equal(fstatat(dirfd(dir), e->d_name, &st, 0), 0);
		assert_true(size == 0 || st.st_size == size);
		size = st.st_size;
		n++;
	}
	if (dir)
		closedir(dir);
	assert_true(n >= acknowledged);
}

static void test_garbage(void **state)
{
	struct bench *b = *state;
	struct ipc_msg m;
	ipc_compose(b->c, WORKER_DELIVER, 1);
	ipc_put_z(b->c, "courier");
	assert_int_equal(ipc_send(b->c, -1), 0);
	assert_int_equal(ipc_recv(b->c, &m, 10000), 0);
	assert_int_equal(WEXITSTATUS(bench_stop(b)), 70);
	bench_start(b);
}

#define with_worker(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    with_worker(test_maildir),
	    with_worker(test_batch),
	    with_worker(test_descriptor),
	    with_worker(test_place),
	    with_worker(test_place_again),
	    with_worker(test_place_shared),
	    with_worker(test_mbox),
	    with_worker(test_extensions),
	    with_worker(test_home),
	    cmocka_unit_test_setup_teardown(test_programs, bench_setup_fresh, bench_teardown),
	    with_worker(test_look),
	    with_worker(test_kill),
	    with_worker(test_garbage),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
