/*
 * A delivery is killed before each of its system calls, and each fails in turn: afterwards an mbox
 * holds whole messages only and a Maildir too, and its quota file tells the truth once it has been
 * looked at.
 */
#include "config.h"

#include "local/worker.h"
#include "maildir/maildir.h"
#include "tests/lib/failsys.h"

#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <cmocka.h>

enum { TIME_LIMIT = 20, STEPS_MAX = 200, BIG = 200000 };

static char home[64];

static int remove_one(
    const char *path, const struct stat *s UNUSED, int flag UNUSED, struct FTW *f UNUSED)
{
	return remove(path);
}

static int setup(void **state UNUSED)
{
	snprintf(home, sizeof home, "/tmp/local-crash.XXXXXX");
	return mkdtemp(home) && chdir(home) == 0 ? 0 : -1;
}

static int teardown(void **state UNUSED)
{
	return chdir("/") < 0 ? -1 : nftw(home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* One delivery in this process: "id" in its text.  The verdict. */
static enum verdict deliver(const char *where, const char *id, const char *quota)
{
	struct worker_delivery d = {.rules = {.dot = STR("courier")},
	    .home = str_of(home),
	    .quota = str_of(quota),
	    .delivery = str_of(where),
	    .address = STR("joe@example.com"),
	    .sender = STR("from@example.net")};
	struct job j = {.d = &d, .id = 1, .a = arena_new(WORKER_ARENA_MAX)};
	struct batch *b = mem_new(struct batch);
	enum verdict v = DEFERRED;
	struct buf text;
	buf_init(&text, 2 * BIG);
	buf_addf(&text, "Subject: %s\n\n", id);
	while (text.n < BIG)
		buf_addf(&text, "line of %s\nFrom here\n", id);
	buf_addf(&text, "end of %s\n", id);
	d.body = buf_str(&text);
	d.size = text.n;
	buf_init(&j.text, WORKER_TEXT_MAX);
	buf_init(&j.forwards, WORKER_FORWARDS_MAX);
	message_init(&j.msg, &d, -1);
	struct dot_file f;
	if (!dot_parse(d.delivery, j.a, &f)) {
		const char *path = f.line[0].text;
		v = mailbox_kind(&j, path) == 1 ? maildir_verdict(&j, maildir_now(&j, path), path)
						: mbox_deliver(&j, path);
	}
	message_release(&j.msg);
	buf_free(&j.text);
	buf_free(&j.forwards);
	buf_free(&text);
	arena_free(j.a);
	free(b);
	return v;
}

/* In a child with a fault at its n-th call.  0: said "done", 1: said "later", 2: killed. */
static int child(const char *where, const char *id, const char *quota, int n, int error)
{
	int status = 0;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(TIME_LIMIT);
		failsys_arm(n, error, false);
		_exit(deliver(where, id, quota) == GO_ON ? 0 : 1);
	}
	while (waitpid(pid, &status, 0) < 0)
		;
	assert_false(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM);
	return WIFSIGNALED(status) ? 2 : WEXITSTATUS(status);
}

static long calls(const char *where, const char *quota)
{
	int ends[2];
	long n = 0;
	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		failsys_arm(0, 0, false);
		bool good = deliver(where, "count", quota) == GO_ON;
		n = good ? failsys_count() : 0;
		_exit(write(ends[1], &n, sizeof n) != sizeof n);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &n, sizeof n), sizeof n);
	close(ends[0]);
	waitpid(pid, NULL, 0);
	assert_in_range(n, 3, STEPS_MAX);
	return n;
}

static struct buf slurp(const char *path)
{
	struct buf b;
	buf_init(&b, 256 * 1024 * 1024);
	assert_int_equal(file_read(AT_FDCWD, path, &b), 0);
	return b;
}

/* How often the message stands there, whole; every message must be. */
static unsigned whole_in_mbox(const char *path, const char *id)
{
	struct buf b = slurp(path);
	struct str rest = buf_str(&b), line;
	char name[64] = "", end[80] = "", wanted[64];
	unsigned found = 0;
	bool ended = true;
	snprintf(wanted, sizeof wanted, "Subject: %s", id);
	while (rest.n && str_split(&rest, '\n', &line)) {
		if (str_starts(line, STR("From "))) {
			if (!ended)
				fail_msg("'%s' is not whole", name);
			ended = false;
		} else if (str_starts(line, STR("Subject: "))) {
			snprintf(name, sizeof name, "%.*s", STR_FMT(line));
			snprintf(end, sizeof end, "end of %s", name + 9);
			found += !strcmp(name, wanted);
		} else if (str_is(line, end)) {
			ended = true;
		}
	}
	if (!ended)
		fail_msg("'%s', the last one, is not whole", name);
	buf_free(&b);
	return found;
}

static bool attributes_work(void)
{
	int fd = open("probe", O_RDWR | O_CREAT, 0600);
	bool good = fsetxattr(fd, "user.courier.append", "0", 1, 0) == 0;
	close(fd);
	return good;
}

static void mbox(void **state UNUSED)
{
	if (!attributes_work())
		skip();
	long n = calls("./box", "");
	unsigned healed = 0;
	for (int error = 0; error <= ENOSPC; error += ENOSPC)
		for (int at = 1; at <= n; at++) {
			char id[32], next[32];
			snprintf(id, sizeof id, "m%d-%d", error, at);
			snprintf(next, sizeof next, "n%d-%d", error, at);
			int r = child("./box", id, "", at, error);
			if (error)
				assert_int_not_equal(r, 2);
			/* Another message comes first, then the same again. */
			assert_int_equal(child("./box", next, "", 0, 0), 0);
			unsigned there = whole_in_mbox("./box", id);
			assert_int_equal(whole_in_mbox("./box", next), 1);
			if (r == 0)
				assert_int_equal(there, 1);
			if (r == 1) /* an error that was told leaves nothing */
				assert_int_equal(there, 0);
			healed += r == 2 && there == 0;
		}
	assert_true(healed > 3);
}

/* Nothing of another program's is ever cut off. */
static void foreign(void **state UNUSED)
{
	static const char other[] =
	    "From x Mon Jan  1 00:00:00 2024\nSubject: theirs\n\nend of theirs\n\n";
	if (!attributes_work())
		skip();
	long n = calls("./box2", "");
	for (int at = 1; at <= n; at++) {
		child("./box2", "torn", "", at, 0);
		int fd = open("./box2", O_WRONLY | O_APPEND | O_CREAT, 0600);
		assert_int_equal(write(fd, other, sizeof other - 1), sizeof other - 1);
		close(fd);
		assert_int_equal(child("./box2", "after", "", 0, 0), 0);
		struct buf b = slurp("./box2");
		assert_true(str_find(buf_str(&b), STR("Subject: theirs\n\nend of theirs\n")) >= 0);
		assert_true(str_find(buf_str(&b), STR("end of after\n")) >= 0);
		buf_free(&b);
		unlink("./box2");
	}
	/* A note that is left over, and somebody else's message where ours would have begun. */
	int fd = open("./box3", O_RDWR | O_CREAT | O_APPEND, 0600);
	mbox_note(fd, 0, STR("From from@example.net Mon Jan  1 00:00:01 2024\n"));
	assert_int_equal(write(fd, other, sizeof other - 1), sizeof other - 1);
	assert_int_equal(mbox_heal(fd), 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), sizeof other - 1);
	assert_true(fgetxattr(fd, "user.courier.append", NULL, 0) < 0);
	close(fd);
}

struct seen {
	unsigned files, broken;
	int64_t bytes;
};

static struct seen look(const char *dir)
{
	struct seen s = {0};
	char *path = mem_printf("%s/new", dir);
	DIR *d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		char *file = mem_printf("%s/%s", path, e->d_name);
		struct buf b = slurp(file);
		struct str line, rest = buf_str(&b);
		struct str last = str_skip(rest, b.n > 40 ? b.n - 40 : 0);
		s.files++;
		s.bytes += (int64_t)b.n;
		s.broken += str_find(last, STR("end of ")) < 0 || !str_split(&rest, '\n', &line) ||
			    !str_starts(line, STR("Delivered-To: "));
		buf_free(&b);
		free(file);
	}
	if (d)
		closedir(d);
	free(path);
	return s;
}

static void maildir(void **state UNUSED)
{
	assert_int_equal(maildir_make("./Maildir", 0700), 0);
	long n = calls("./Maildir", "900000000S,10000C");
	for (int error = 0; error <= EIO; error += EIO)
		for (int at = 1; at <= n; at++) {
			struct seen before = look("./Maildir");
			char quota[64];
			/* A definition that differs is written: its steps count, too. */
			snprintf(quota, sizeof quota, "%dS,10000C", 900000000 + error * 1000 + at);
			int r = child("./Maildir", "x", quota, at, error);
			struct seen now = look("./Maildir");
			assert_int_equal(now.broken, 0);
			assert_in_range(now.files, before.files, before.files + 1);
			if (r == 0)
				assert_int_equal(now.files, before.files + 1);
			/* One more, and the sum is right again, at the latest when all is counted.
			 */
			assert_int_equal(child("./Maildir", "y", quota, 0, 0), 0);
			unlink("./Maildir/maildirsize.old");
			struct maildir_quota q;
			now = look("./Maildir");
			assert_int_equal(maildir_quota_read("./Maildir", &q), 0);
			if (q.bytes != now.bytes || q.count != now.files) {
				assert_true(r == 2 || error); /* noted wrongly only by a fault */
				assert_int_equal(q.count, (int64_t)now.files - 1);
				assert_int_equal(unlink("./Maildir/maildirsize"), 0);
				assert_int_equal(maildir_quota_set("./Maildir", quota), 0);
				assert_int_equal(maildir_quota_read("./Maildir", &q), 0);
			}
			assert_int_equal(q.bytes, now.bytes);
			assert_int_equal(q.count, now.files);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(mbox, setup, teardown),
	    cmocka_unit_test_setup_teardown(foreign, setup, teardown),
	    cmocka_unit_test_setup_teardown(maildir, setup, teardown),
	};
	signal(SIGPIPE, SIG_IGN);
	log_open("local-crash", LOG_TO_STDERR, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
