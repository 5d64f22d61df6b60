/* libs/maildir while clocks jump: names, what is swept, dot-locks, the warning of a full mailbox.
 */
#include "config.h"

#include "maildir/maildir.h"
#include "maildir/mbox-lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

enum { DAY = 86400, YEAR = 365 * DAY };

static char home[] = "/tmp/maildir-clock.XXXXXX";
static char box[64], lock[64];

static int setup(void **state UNUSED)
{
	if (!mkdtemp(home))
		return -1;
	snprintf(box, sizeof box, "%s/box", home);
	snprintf(lock, sizeof lock, "%s/mbox.lock", home);
	return maildir_make(box, 0700);
}

static int teardown(void **state UNUSED)
{
	char *const cmd[] = {(char[]){"rm"}, (char[]){"-rf"}, home, NULL};
	pid_t pid = fork();
	if (pid == 0) {
		execvp(cmd[0], cmd);
		_exit(1);
	}
	return pid < 0 || waitpid(pid, NULL, 0) < 0 ? -1 : 0;
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static void date(const char *path, int64_t t)
{
	struct timespec both[2] = {{.tv_sec = t}, {.tv_sec = t}};
	utimensat(AT_FDCWD, path, both, 0);
}

static int64_t real_time(void)
{
	return (int64_t)time(NULL);
}

/* In a process of its own, since a process asks for the shift once. */
static void deliver_at(int64_t shift)
{
	char text[32];
	int status = -1;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		snprintf(text, sizeof text, "%lld", (long long)shift);
		setenv("COURIER_TEST_CLOCK", text, 1);
		for (int i = 0; i < 3; i++) {
			struct maildir_delivery *d = maildir_deliver_begin(box, NULL);
			if (maildir_deliver_write(d, "x", 1) < 0 ||
			    maildir_deliver_finish(&d, NULL) < 0)
				_exit(1);
		}
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* T36: whatever the clock does, each message has a name of its own that can be read. */
static void names(void **state UNUSED)
{
	int64_t now = real_time();
	const int64_t shifts[] = {0, -3600, 0, DAY, 0, 10 * (int64_t)YEAR, -now + 1,
	    2147483640 - now, 2147483660 - now, 0};
	char path[80];
	size_t found = 0;
	struct dirent *e;
	for (size_t i = 0; i < ARRAY_LEN(shifts); i++)
		deliver_at(shifts[i]);
	snprintf(path, sizeof path, "%s/new", box);
	DIR *h = opendir(path);
	assert_non_null(h);
	while ((e = readdir(h))) {
		struct maildir_name m;
		if (e->d_name[0] == '.')
			continue;
		assert_true(maildir_name_parse(str_of(e->d_name), &m));
		assert_true(m.has_size && m.size == 1);
		found++;
	}
	closedir(h);
	assert_int_equal(found, 3 * ARRAY_LEN(shifts));
}

static size_t mails(void)
{
	char path[80];
	size_t n = 0;
	struct dirent *e;
	snprintf(path, sizeof path, "%s/new", box);
	DIR *h = opendir(path);
	assert_non_null(h);
	while ((e = readdir(h)))
		n += e->d_name[0] != '.';
	closedir(h);
	return n;
}

/* T36: a sweep by a clock that has jumped may take what is being written: then nothing arrives,
 * half or whole, the caller hears of it, and the next attempt is as ever. */
static void swept(void **state UNUSED)
{
	size_t n = mails();
	struct maildir_delivery *d = maildir_deliver_begin(box, NULL);
	assert_int_equal(maildir_deliver_write(d, "x", 1), 0);
	assert_int_equal(maildir_tmp_clean_at(box, real_time() + DAY), 0);
	assert_int_equal(maildir_deliver_finish(&d, NULL), 0); /* a day is too little */
	d = maildir_deliver_begin(box, NULL);
	assert_int_equal(maildir_deliver_write(d, "x", 1), 0);
	assert_int_equal(maildir_tmp_clean_at(box, real_time() + YEAR), 0);
	assert_int_equal(maildir_deliver_finish(&d, NULL), -1);
	assert_int_equal(mails(), n + 1);
	d = maildir_deliver_begin(box, NULL);
	assert_int_equal(maildir_deliver_write(d, "x", 1), 0);
	assert_int_equal(maildir_deliver_finish(&d, NULL), 0);
	assert_int_equal(mails(), n + 2);
}

static pid_t living(void (*work)(void))
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	for (int i = 0; i < 300; i++) {
		if (work)
			work();
		nanosleep(&(struct timespec){.tv_nsec = 100 * 1000 * 1000}, NULL);
	}
	_exit(0);
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void lock_of(pid_t pid, const char *host, int64_t when)
{
	char text[400], own[256] = "";
	gethostname(own, sizeof own - 1);
	snprintf(text, sizeof text, "%ld %s\n", (long)pid, host ? host : own);
	put(lock, text);
	date(lock, when);
}

/* A holder that keeps its lock young by a clock that stands a day behind ours. */
static void refresh_yesterday(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec -= DAY;
	const struct timespec both[2] = {now, now};
	utimensat(AT_FDCWD, lock, both, 0);
}

/* T36: the clock has jumped by a day: the lock looks old, and its holder lives. */
static void living_lock(void **state UNUSED)
{
	const struct lock_times t = {.sleep = 1, .stale = 2, .give_up = 5};
	pid_t pid = living(refresh_yesterday);
	lock_of(pid, NULL, real_time() - DAY);
	assert_int_equal(dotlock_take(lock, &t, true), -1);
	assert_int_equal(errno, ETIMEDOUT);
	assert_int_equal(access(lock, F_OK), 0);
	end(pid);
	/* its number belongs to somebody else now, and nobody refreshes the lock */
	pid = living(NULL);
	lock_of(pid, NULL, real_time() - DAY);
	assert_int_equal(dotlock_take(lock, &t, true), 0);
	dotlock_drop(lock);
	end(pid);
}

/* T36: a clock that was years ahead has left a lock behind. */
static void future_lock(void **state UNUSED)
{
	const struct lock_times t = {.sleep = 1, .stale = 2, .give_up = 8};
	lock_of(1, "elsewhere", real_time() + 10 * (int64_t)YEAR);
	assert_int_equal(dotlock_take(lock, &t, false), 0);
	dotlock_drop(lock);
	assert_int_equal(access(lock, F_OK), -1);
	lock_of(1, "elsewhere", real_time() - DAY); /* the usual case costs no watch */
	int64_t before = clock_mono_ms();
	assert_int_equal(dotlock_take(lock, &t, false), 0);
	assert_true(clock_mono_ms() - before < 1900);
	dotlock_drop(lock);
}

/* T36: a stamp of the year to come is no reason to be silent until then. */
static void warning(void **state UNUSED)
{
	char stamp[80];
	struct str text = STR("Subject: nearly full\n\nx\n");
	snprintf(stamp, sizeof stamp, "%s/quotawarn", box);
	assert_int_equal(maildir_quota_set(box, "10C"), 0);
	size_t n = mails();
	maildir_quota_warn(box, 0, text);
	assert_int_equal(mails(), n + 1);
	maildir_quota_warn(box, 0, text);
	assert_int_equal(mails(), n + 1);
	date(stamp, real_time() - DAY + 60);
	maildir_quota_warn(box, 0, text);
	assert_int_equal(mails(), n + 1);
	date(stamp, real_time() - DAY - 1);
	maildir_quota_warn(box, 0, text);
	assert_int_equal(mails(), n + 2);
	date(stamp, real_time() + 3600); /* DST done wrongly, an hour's jump: nothing to speak of */
	maildir_quota_warn(box, 0, text);
	assert_int_equal(mails(), n + 2);
	date(stamp, real_time() + YEAR);
	maildir_quota_warn(box, 0, text);
	assert_int_equal(mails(), n + 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names),
	    cmocka_unit_test(swept),
	    cmocka_unit_test(living_lock),
	    cmocka_unit_test(future_lock),
	    cmocka_unit_test(warning),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
