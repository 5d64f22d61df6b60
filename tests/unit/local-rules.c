/* What a delivery worker does with each kind of instruction, and its limits: rows of the parity
 * list as they are named below. */
#include "config.h"

#include "local/worker.h"
#include "maildir/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "local-bench.h"

static struct worker_delivery fresh(struct bench *b)
{
	struct worker_delivery d = bench_delivery(b);
	d.flags = WORKER_FRESH;
	return d;
}

static int run(struct bench *b, const char *instructions)
{
	struct worker_delivery d = fresh(b);
	bench_put(b, ".courier", instructions);
	return bench_deliver(b, &d);
}

/* MTA-1714 MTA-1715 MTA-1716 MTA-1717 MTA-1718 MTA-3203: every exit status there is. */
static void exit_codes(void **state)
{
	struct bench *b = *state;
	static const int failed[] = {64, 65, 67, 68, 69, 76, 77, 78, 100, 112};
	for (int code = 0; code < 256; code++) {
		char text[64];
		int want = code == 0 || code == 99 ? WORKER_OK
			   : code == 70            ? WORKER_BOUNCE
						   : WORKER_DEFER;
		for (size_t i = 0; i < ARRAY_LEN(failed); i++)
			if (code == failed[i])
				want = WORKER_FAIL;
		snprintf(text, sizeof text, "| exit %d\n&next@example.org\n", code);
		int got = run(b, text);
		if (got != want)
			fail_msg("exit status %d gave %d, not %d", code, got, want);
		assert_string_equal(b->forwards, code == 0 ? "next@example.org\n" : "");
	}
	assert_int_equal(run(b, "| kill -9 $$\n"), WORKER_DEFER);
	assert_string_equal(b->text, "the program was ended by signal 9");
}

/* MTA-1709 MTA-1710 MTA-1712 MTA-1713 MTA-1719 */
static void instructions(void **state)
{
	struct bench *b = *state;
	assert_int_equal(
	    run(b, "# a comment\n\n   \n| echo a > one; \\\necho b > two\n"), WORKER_OK);
	char *two = bench_get(b, "two");
	assert_string_equal(two, "b\n");
	free(two);
	assert_int_equal(run(b, "&a@b, !c@d\n!e@f\n\"g,h\"@i\n"), WORKER_OK);
	assert_string_equal(b->forwards, "a@b\nc@d\ne@f\n\"g,h\"@i\n");
	/* What came before a failure has been done, what comes after it has not. */
	assert_int_equal(run(b, "./Maildir\n| exit 67\n| touch never\n"), WORKER_FAIL);
	assert_int_equal(bench_count(b, "new", NULL, 0), 1);
	assert_null(bench_get(b, "never"));
	char path[128];
	snprintf(path, sizeof path, "%s/box\n", b->home);
	assert_int_equal(run(b, path), WORKER_OK); /* an absolute path */
	char *box = bench_get(b, "box");
	assert_non_null(box);
	free(box);
}

static void long_output(struct buf *text, size_t bytes)
{
	buf_clear(text);
	buf_addz(text, "#");
	while (text->n < bytes - 5)
		buf_addc(text, 'x');
	buf_addz(text, "\na@b\n");
}

/* MTA-1711 MTA-0508 */
static void dynamic(void **state)
{
	struct bench *b = *state;
	struct buf text;
	buf_init(&text, 65536);
	assert_int_equal(run(b, "|| echo '&a@b'\n&c@d\n"), WORKER_OK);
	assert_string_equal(b->forwards, "a@b\nc@d\n");
	assert_int_equal(run(b, "|| echo '&a@b'; exit 99\n&c@d\n"), WORKER_OK);
	assert_string_equal(b->forwards, "a@b\n");
	assert_int_equal(run(b, "|| echo '&a@b'; exit 67\n&c@d\n"), WORKER_FAIL);
	assert_string_equal(b->forwards, "");
	assert_string_equal(b->text, "&a@b");
	assert_int_equal(run(b, "|| echo '&a@b'; exit 1\n"), WORKER_DEFER);
	long_output(&text, DOT_DYNAMIC_MAX);
	bench_put(b, "printed", text.p);
	assert_int_equal(run(b, "|| cat printed\n"), WORKER_OK);
	assert_string_equal(b->forwards, "a@b\n");
	long_output(&text, DOT_DYNAMIC_MAX + 1);
	bench_put(b, "printed", text.p);
	assert_int_equal(run(b, "|| cat printed\n"), WORKER_DEFER);
	assert_string_equal(b->forwards, "");
	/* Four levels; the fifth is too many. */
	bench_put(b, "level",
	    "n=$(cat depth); echo $((n - 1)) > depth\n"
	    "test $n = 1 && echo '&deep@b' || echo '|| sh level'\n");
	bench_put(b, "depth", "4\n");
	assert_int_equal(run(b, "|| sh level\n"), WORKER_OK);
	assert_string_equal(b->forwards, "deep@b\n");
	bench_put(b, "depth", "5\n");
	assert_int_equal(run(b, "|| sh level\n"), WORKER_DEFER);
	struct worker_delivery d = fresh(b);
	d.flags |= WORKER_NO_DYNAMIC;
	assert_int_equal(bench_deliver(b, &d), WORKER_DEFER);
	assert_non_null(strstr(b->text, "switched off"));
	buf_free(&text);
}

/* MTA-1722 MTA-1723 MTA-1725 MTA-1726: these variables, and no other. */
static void environment(void **state)
{
	struct bench *b = *state;
	struct worker_delivery d = fresh(b);
	d.address = STR("joe-a-b-c-d@example.com");
	d.ext = STR("a-b-c-d");
	d.quota = STR("1000000S");
	d.env = STR("SHELL=/bin/sh\nPATH=/usr/bin:/bin\nOF_COURIERD=\"x\" y\n");
	bench_put(b, ".courier-a-default", "| env | sort > seen\n");
	unsetenv("COURIER_HOME");
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	char *seen = bench_get(b, "seen"), want[2048];
	const char *date = strstr(seen, "UFLINE=From from@example.net ");
	assert_non_null(date);
	date += strlen("UFLINE=From from@example.net ");
	assert_int_equal(date[24], '\n');
	/* PWD and _ are the shell's. */
	snprintf(want, sizeof want,
	    "DEFAULT=b-c-d\nDTLINE=Delivered-To: joe-a-b-c-d@example.com\nEXT2=b-c-d\nEXT3=c-d\n"
	    "EXT4=d\nEXT=a-b-c-d\nHOME=%s\nHOST=example.com\nLOCAL=joe-a-b-c-d\nLOGNAME=joe\n"
	    "MAILDIRQUOTA=1000000S\nOF_COURIERD=\"x\" y\nPATH=/usr/bin:/bin\nPWD=%s\n"
	    "RECIPIENT=joe-a-b-c-d@example.com\nRPLINE=Return-Path: <from@example.net>\n"
	    "SENDER=from@example.net\nSHELL=/bin/sh\nUFLINE=From from@example.net "
	    "%.24s\nUSER=joe\n",
	    b->home, b->home, date);
	char *line = strstr(seen, "\n_=");
	if (line) {
		char *end = strchr(line + 1, '\n');
		memmove(line, end, strlen(end) + 1);
	}
	assert_string_equal(seen, want);
	free(seen);
	/* A null sender. */
	d.sender = STR("");
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	seen = bench_get(b, "seen");
	assert_non_null(strstr(seen, "\nSENDER=\n"));
	assert_non_null(strstr(seen, "\nRPLINE=Return-Path: <>\n"));
	free(seen);
}

/* MTA-1720: what programs say. */
static void output(void **state)
{
	struct bench *b = *state;
	assert_int_equal(run(b, "| echo said; echo loud >&2\n"), WORKER_OK);
	assert_string_equal(b->text, "said\nloud");
	assert_int_equal(run(b, "| yes | head -c 10000000\n"), WORKER_OK);
	assert_in_range(strlen(b->text), WORKER_TEXT_MAX - 1, WORKER_TEXT_MAX);
	assert_int_equal(run(b, "| exit 67\n"), WORKER_FAIL);
	assert_string_equal(b->text, "the program ended with exit status 67");
}

static bool running(struct bench *b, const char *name)
{
	char *text = bench_get(b, name);
	pid_t pid = text ? (pid_t)strtol(text, NULL, 10) : 0;
	free(text);
	assert_true(pid > 1);
	for (int i = 0; i < 100 && kill(pid, 0) == 0; i++)
		usleep(20000);
	return kill(pid, 0) == 0;
}

/* MTA-1737 T53: time and memory of a program and all that it has started. */
static void limits(void **state)
{
	struct bench *b = *state;
	struct worker_delivery d = fresh(b);
	bench_put(b, ".courier", "| sleep 100 & echo $! > sub; sleep 100\n");
	d.program_seconds = 1;
	assert_int_equal(bench_deliver(b, &d), WORKER_DEFER);
	assert_string_equal(b->text, "the program took too long and was ended");
	assert_false(running(b, "sub"));
	bench_put(b, ".courier", "| yes\n");
	assert_int_equal(bench_deliver(b, &d), WORKER_DEFER);
	bench_put(b, ".courier", "| perl -e '$x = \"a\" x 200000000; exit 67'\n");
	d.program_seconds = 20;
	d.program_memory = 100 * 1024 * 1024;
	assert_int_equal(bench_deliver(b, &d), WORKER_DEFER);
	d.program_memory = 0;
	assert_int_equal(bench_deliver(b, &d), WORKER_FAIL);
}

/* A program that is running when its worker is killed ends, too. */
static void worker_killed(void **state)
{
	struct bench *b = *state;
	struct worker_delivery d = fresh(b);
	struct ipc_msg m;
	bench_put(b, ".courier", "| echo $$ > pid; exec sleep 100\n");
	assert_int_equal(worker_send_delivery(b->c, 1, &d, -1), 0);
	char *text = NULL;
	for (int i = 0; i < 500 && !(text && strchr(text, '\n')); i++) {
		free(text);
		usleep(10000);
		text = bench_get(b, "pid");
	}
	free(text);
	kill(b->pid, SIGKILL);
	assert_int_equal(ipc_recv(b->c, &m, 5000), 0);
	bench_stop(b);
	assert_false(running(b, "pid"));
	bench_start(b);
}

/* MTA-1730: maildrop gets the message as it stands, and its lines as arguments. */
static void maildrop(void **state)
{
	struct bench *b = *state;
	struct worker_delivery d = fresh(b);
	struct arena *a = arena_new(65536);
	char path[128], want[512], command[256];
	snprintf(path, sizeof path, "%s/maildrop", b->home);
	assert_string_equal(program_command(a, "other x", str_of(path)), "other x");
	assert_string_equal(program_command(a, "maildrop-x", str_of(path)), "maildrop-x");
	assert_string_equal(program_command(a, "maildrop", STR_NONE), "maildrop");
	arena_free(a);
	bench_put(b, "maildrop",
	    "#!/bin/sh\nfor i; do echo \"<$i>\"; done > args\n"
	    "test -p /dev/stdin && echo pipe >> args\ncat > text\n");
	chmod(path, 0700);
	d.maildrop = str_of(path);
	d.sender = STR("\"a $(touch never) b\"@example.net");
	snprintf(command, sizeof command, "| %s 'my filter'\n", path);
	bench_put(b, ".courier", command);
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	char *args = bench_get(b, "args"), *text = bench_get(b, "text");
	snprintf(want, sizeof want,
	    "<-f>\n<%.*s>\n<-A>\n<Return-Path: <%.*s>>\n<-A>\n<Delivered-To: joe-ext@example.com>\n"
	    "<my filter>\n",
	    STR_FMT(d.sender), STR_FMT(d.sender));
	assert_string_equal(args, want);
	assert_string_equal(text, bench_body);
	assert_null(bench_get(b, "never"));
	free(args);
	free(text);
}

/* T53: whose instructions count. */
static void homes(void **state)
{
	struct bench *b = *state;
	struct worker_delivery d = fresh(b);
	char path[128];
	snprintf(path, sizeof path, "%s/.courier", b->home);
	static const struct {
		mode_t home, file;
		int want;
	} rows[] = {
	    {0700, 0600, WORKER_OK},
	    {0755, 0644, WORKER_OK},
	    {0700, 0620, WORKER_DEFER},
	    {0700, 0602, WORKER_DEFER},
	    {0702, 0600, WORKER_DEFER},
	    {0770, 0600, WORKER_DEFER},
	    {01700, 0600, WORKER_DEFER},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bench_put(b, ".courier", "&a@b\n");
		chmod(path, rows[i].file);
		chmod(b->home, rows[i].home);
		int got = bench_deliver(b, &d);
		chmod(b->home, 0700);
		if (got != rows[i].want)
			fail_msg("home %o, file %o: %d", rows[i].home, rows[i].file, got);
	}
	/* A home shared with a group gets its mail all the same. */
	unlink(path);
	chmod(b->home, 0770);
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	assert_int_equal(bench_count(b, "new", NULL, 0), 1);
	d.home = STR("/nonexistent/home");
	assert_int_equal(bench_deliver(b, &d), WORKER_NO_HOME);
	chmod(b->home, 0700);
}

/* A mailbox that a group shares. */
static void shared(void **state)
{
	static const struct {
		mode_t folder, message;
	} rows[] = {{0700, 0600}, {0770, 0600}, {02770, 0660}, {0755, 0600}};
	struct bench *b = *state;
	struct worker_delivery d = bench_delivery(b);
	char path[512], name[256];
	struct stat st;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(path, sizeof path, "%s/Maildir", b->home);
		if (i == 0)
			assert_int_equal(maildir_make(path, 0700), 0);
		snprintf(path, sizeof path, "%s/Maildir/tmp", b->home);
		assert_int_equal(chmod(path, rows[i].folder), 0);
		assert_int_equal(bench_deliver(b, &d), WORKER_OK);
		assert_int_equal(bench_count(b, "new", name, sizeof name), 1);
		snprintf(path, sizeof path, "%s/%s", b->home, name);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, rows[i].message);
		unlink(path);
	}
}

/* MTA-1729 MTA-0131 MTA-1725: a full mailbox, and the warning before it is. */
static void quota(void **state)
{
	struct bench *b = *state;
	struct worker_delivery d = bench_delivery(b);
	char name[512], dir[128];
	struct stat st;
	d.quota = STR("4C");
	d.warn_percent = 75;
	d.warning = STR("From: <post@x>\nSubject: nearly full\n\nTidy up.\n");
	snprintf(dir, sizeof dir, "%s/Maildir/quotawarn", b->home);
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	assert_int_equal(stat(dir, &st), -1);
	assert_int_equal(bench_deliver(b, &d), WORKER_OK); /* 75 % */
	d.warning = STR_NONE;
	d.warn_percent = 0;
	bench_put(b, ".courier", "# a delivery later the warning has been written\n");
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	bench_put(b, ".courier", "");
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(bench_count(b, "new", NULL, 0), 4);
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	assert_int_equal(bench_count(b, "new", NULL, 0), 5); /* once a day */
	assert_int_equal(bench_deliver(b, &d), WORKER_DEFER);
	assert_string_equal(b->status, "4.2.2");
	assert_string_equal(b->text, "the mailbox is over its quota");
	d.flags = WORKER_QUOTA_FAILS;
	assert_int_equal(bench_deliver(b, &d), WORKER_FAIL);
	assert_string_equal(b->status, "5.2.2");
	assert_int_equal(bench_count(b, "new", name, sizeof name), 5);
	assert_int_equal(bench_count(b, "tmp", NULL, 0), 0);
	d.quota = STR("100C,60S"); /* the size counts, too */
	assert_int_equal(bench_deliver(b, &d), WORKER_FAIL);
}

/* MTA-1727: kernel locks always, a lock file by a setting. */
static void mbox_locks(void **state)
{
	struct bench *b = *state;
	struct worker_delivery d = bench_delivery(b);
	struct ipc_msg m;
	char path[128];
	bench_put(b, ".courier", "./box\n");
	bench_put(b, "box", "");
	snprintf(path, sizeof path, "%s/box", b->home);
	int fd = open(path, O_RDWR);
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	assert_int_equal(fcntl(fd, F_SETLK, &whole), 0);
	assert_int_equal(worker_send_delivery(b->c, 1, &d, -1), 0);
	assert_int_equal(ipc_recv(b->c, &m, 500), -1); /* it waits */
	close(fd);
	assert_int_equal(bench_answer(b), WORKER_OK);
	d.flags = WORKER_DOTLOCK;
	bench_put(b, "box.lock", "1 somewhere-else\n");
	assert_int_equal(worker_send_delivery(b->c, 1, &d, -1), 0);
	assert_int_equal(ipc_recv(b->c, &m, 500), -1);
	snprintf(path, sizeof path, "%s/box.lock", b->home);
	unlink(path);
	assert_int_equal(bench_answer(b), WORKER_OK);
	assert_null(bench_get(b, "box.lock"));
	char *text = bench_get(b, "box");
	const char *second = strstr(text, "end\n\nFrom from@example.net ");
	assert_non_null(second);
	free(text);
}

#define fresh_worker(f) cmocka_unit_test_setup_teardown(f, bench_setup_fresh, bench_teardown)
#define plain_worker(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    fresh_worker(exit_codes),
	    fresh_worker(instructions),
	    fresh_worker(dynamic),
	    fresh_worker(environment),
	    fresh_worker(output),
	    fresh_worker(limits),
	    fresh_worker(worker_killed),
	    fresh_worker(maildrop),
	    fresh_worker(homes),
	    plain_worker(quota),
	    plain_worker(shared),
	    plain_worker(mbox_locks),
	};
	signal(SIGPIPE, SIG_IGN);
	umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
