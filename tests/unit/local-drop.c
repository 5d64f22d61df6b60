/*
 * "| maildrop" inside a delivery worker: which commands are understood, what stays the same for a
 * mailbox's owner, and that nothing of one message is left for the next.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "local-bench.h"
#include "local/worker-drop.h"

static char user[] = "USER=joe", spaced[] = "SPACED=a b", none[] = "NONE=", odd[] = "ODD=$(id)";
static char *const env[] = {user, spaced, none, odd, NULL};
static struct arena *a;

static int setup(void **state UNUSED)
{
	a = arena_new(1 << 20);
	return a ? 0 : -1;
}

static int teardown(void **state UNUSED)
{
	arena_free(a);
	return 0;
}

static bool understood(const char *rest, struct drop_command *c)
{
	return drop_command_read(a, rest, env, c);
}

static void commands(void **state UNUSED)
{
	struct drop_command c;
	assert_true(understood("", &c));
	assert_null(c.file);
	assert_null(c.user);
	assert_null(c.args[0]);
	assert_int_equal(c.warn_percent, -1);
	assert_true(understood(" -d joe ", &c));
	assert_string_equal(c.user, "joe");
	assert_true(understood("-djoe one two", &c));
	assert_string_equal(c.user, "joe");
	assert_null(c.file);
	assert_string_equal(c.args[1], "two");
	assert_true(understood("-w 90 -W /etc/warn -V3 --why my.filter \"x-y\"", &c));
	assert_int_equal(c.warn_percent, 90);
	assert_string_equal(c.warn_file, "/etc/warn");
	assert_int_equal(c.verbose, 3);
	assert_true(c.why);
	assert_string_equal(c.file, "my.filter");
	assert_string_equal(c.args[0], "x-y");
	assert_null(c.args[1]);
}

/* What a shell would put there. */
static void values(void **state UNUSED)
{
	struct drop_command c;
	assert_true(understood("-d \"$USER\" \"${SPACED}\" \"$ODD\" \"$NONE\" \"$UNKNOWN\"", &c));
	assert_string_equal(c.user, "joe");
	assert_string_equal(c.args[0], "a b");
	assert_string_equal(c.args[1], "$(id)");
	assert_string_equal(c.args[2], "");
	assert_string_equal(c.args[3], "");
	assert_true(understood("-d ${USER}", &c));
	assert_string_equal(c.user, "joe");
}

/* All that a shell would do more for is left to one. */
static void left_to_a_shell(void **state UNUSED)
{
	static const char *const lines[] = {"; rm x", "x | y", "x && y", "x & ", "$(id)", "`id`",
	    "*.f", "f?", "~/f", "'f'", "\"a b\"", "\"$USER x\"", "x$USER", "$SPACED", "$NONE",
	    "$ODD", "$1", "${USER:-x}", "a > b", "< x", "a\\ b", "[a]", "{a,b}", "# x", "!x",
	    "a\nb", "a\tb", "\"", "\"\"\"", "-x", "-", "-M f", "-D 1/1", "-f x", "-A X:y", "-a",
	    "-m f", "-h", "-v", "-d", "-w", "-w 101", "-w x", "-V 10", "--whynot", "--", "-Y"};
	struct drop_command c;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		if (understood(lines[i], &c))
			fail_msg("understood: %s", lines[i]);
	char many[400] = "";
	for (size_t i = 0; i < 130; i++)
		memcpy(many + 2 * i, " a", 3);
	assert_false(understood(many, &c));
}

/* ---- with a worker --------------------------------------------------------------------------- */

static const char settings[] = "SHELL=/bin/sh\nPATH=" BINDIR ":/usr/bin:/bin\n"
			       "MAILDROPDEFAULT=./Maildir\n";

static struct worker_delivery filtered(struct bench *b, const char *filter)
{
	struct worker_delivery d = bench_delivery(b);
	char path[128];
	bench_put(b, ".mailfilter", filter);
	for (const char *const *f = (const char *const[]){"", "/cur", "/new", "/tmp", NULL}; *f;
	     f++) {
		snprintf(path, sizeof path, "%s/Maildir%s", b->home, *f);
		mkdir(path, 0700);
	}
	d.flags = WORKER_FRESH | WORKER_NO_SYNC;
	d.env = str_of(settings);
	d.maildrop = STR(BINDIR "/maildrop");
	d.delivery = STR("| " BINDIR "/maildrop");
	return d;
}

/* The process that runs the filter, as a program that it calls sees it. */
static pid_t runner(struct bench *b)
{
	char *text = bench_get(b, "parent");
	assert_non_null(text);
	pid_t pid = (pid_t)strtol(text, NULL, 10);
	free(text);
	return pid;
}

/* "make check" comes before "make install": what runs maildrop outside of the worker waits for it.
 */
static bool program_is_there(void)
{
	if (access(BINDIR "/maildrop", X_OK) == 0)
		return true;
	print_message("maildrop is not installed: it is tried inside the worker only\n");
	return false;
}

static void inside(void **state)
{
	struct bench *b = *state;
	struct worker_delivery d = filtered(b, "system \"echo $PPID >parent\"\n");
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	assert_int_equal(bench_count(b, "new", NULL, 0), 1);
	assert_int_not_equal(runner(b), b->pid); /* "$PPID" is a variable of the filter: empty */
	bench_put(b, ".mailfilter", "system \"echo \\$PPID >parent\"\n");
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	assert_int_equal(runner(b), b->pid);
	if (!program_is_there())
		return;
	d.delivery = STR("| : ; " BINDIR "/maildrop -f x");
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	assert_int_not_equal(runner(b), b->pid);
}

/* DROP-0228: the message has the lines that a program would be given, in their order. */
static void place(void **state)
{
	struct bench *b = *state;
	struct worker_delivery d = filtered(b, "to ./Maildir\n");
	char name[300], path[512];
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	assert_int_equal(bench_count(b, "new", name, sizeof name), 1);
	char *text = bench_get(b, name);
	assert_string_equal(text, "Return-Path: <from@example.net>\n"
				  "Delivered-To: joe-ext@example.com\n"
				  "Subject: x\n\nFrom here\nend\n");
	free(text);
	if (!b->place[0]) {
		print_message("this file system has no common sync\n");
		return;
	}
	assert_non_null(strstr(b->place, name));
	/* It comes again, with its place: the file is good as it is. */
	char told[512];
	snprintf(told, sizeof told, "%s", b->place);
	d.place = str_of(told);
	d.flags |= WORKER_DOUBT;
	struct stat before, after;
	snprintf(path, sizeof path, "%s/%s", b->home, name);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(bench_count(b, "new", NULL, 0), 1);
	/* Half of it is lost: made again. */
	assert_int_equal(truncate(path, 20), 0);
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	text = bench_get(b, name);
	assert_non_null(strstr(text, "\nend\n"));
	assert_int_equal(bench_count(b, "new", NULL, 0), 1);
	free(text);
}

/* Only what the queue could make again goes without a sync. */
static void no_place(void **state)
{
	static const char *const filters[] = {"cc ./Maildir\nto \"/dev/null\"\n",
	    "FLAGS=\"S\"\nto ./Maildir\n", "KEYWORDS=\"word\"\nto ./Maildir\n",
	    "xfilter \"cat; echo more\"\nto ./Maildir\n", "cc box\nto ./Maildir\n", "to box\n",
	    "EXITCODE=77\nto ./Maildir\n", "to \"| cat >/dev/null\"\n"};
	struct bench *b = *state;
	bool there = program_is_there();
	for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
		struct worker_delivery d = filtered(b, filters[i]);
		int want = i == 6 ? WORKER_FAIL : WORKER_OK;
		if (bench_deliver(b, &d) != want)
			fail_msg("%s: %s", filters[i], b->text);
		if (i > 0 && b->place[0])
			fail_msg("a place after: %s", filters[i]);
		if (!there) /* a name without a path is looked for */
			continue;
		bench_put(b, ".courier", "| maildrop\n./other/\n"); /* two instructions */
		assert_int_equal(bench_deliver(b, &d), want);
		assert_string_equal(b->place, "");
		assert_int_equal(bench_count(b, "../other/new", NULL, 0), i < 6 ? i + 1 : i);
		bench_put(b, ".courier", "");
	}
}

static void nothing_is_left(void **state)
{
	struct bench *b = *state;
	struct worker_delivery d =
	    filtered(b, "X=\"of the first\"\nUMASK=000\nlogfile \"log\"\nlog \"first\"\n"
			"flock \"lock\"\n{\n cc \"| cd /; umask 0; A=b\"\n}\nEXITCODE=99\nexit\n");
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	bench_put(b, ".mailfilter",
	    "log \"second\"\nsystem \"pwd; umask; ls /proc/$$/fd; ls -l /proc/\\$PPID/fd | wc -l; "
	    "flock -n "
	    "lock echo free; env | sort | grep -E '^(X|A|MATCH|EXITCODE)='\"\necho \"[$X]\"\n"
	    "to box\n");
	assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	char first[sizeof b->text];
	memcpy(first, b->text, sizeof first);
	assert_non_null(strstr(first, b->home));
	assert_non_null(strstr(first, "0077\n"));
	assert_non_null(strstr(first, "free\n"));
	assert_non_null(strstr(first, "\nEXITCODE=0\n[]"));
	assert_null(strstr(first, "first"));
	char *log = bench_get(b, "log");
	assert_memory_equal(log, "first\n", 6);
	assert_null(strstr(log, "second"));
	free(log);
	for (int i = 0; i < 5; i++)
		assert_int_equal(bench_deliver(b, &d), WORKER_OK);
	assert_string_equal(b->text, first); /* as many descriptors as before, too */
	char *box = bench_get(b, "box");
	assert_non_null(box);
	free(box);
}

/* Same length, same second: a changed file is another file. */
static void changed_files(void **state)
{
	struct bench *b = *state;
	struct worker_delivery d = filtered(b, "include \"inc\"\n");
	for (int i = 0; i < 20; i++) {
		char text[40], want[8];
		snprintf(text, sizeof text, "echo \"%02d\"\nexit\n", i);
		snprintf(want, sizeof want, "%02d", i);
		bench_put(b, "inc", text);
		assert_int_equal(bench_deliver(b, &d), WORKER_OK);
		assert_string_equal(b->text, want);
		bench_put(b, ".mailfilter", text);
		assert_int_equal(bench_deliver(b, &d), WORKER_OK);
		assert_string_equal(b->text, want);
		bench_put(b, ".mailfilter", "include \"inc\"\n");
	}
	char path[128];
	snprintf(path, sizeof path, "%s/.mailfilter", b->home);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(bench_deliver(b, &d), WORKER_DEFER);
	assert_non_null(strstr(b->text, "others have permissions"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(commands, setup, teardown),
	    cmocka_unit_test_setup_teardown(values, setup, teardown),
	    cmocka_unit_test_setup_teardown(left_to_a_shell, setup, teardown),
	    cmocka_unit_test_setup_teardown(inside, bench_setup_fresh, bench_teardown),
	    cmocka_unit_test_setup_teardown(place, bench_setup_fresh, bench_teardown),
	    cmocka_unit_test_setup_teardown(no_place, bench_setup_fresh, bench_teardown),
	    cmocka_unit_test_setup_teardown(nothing_is_left, bench_setup_fresh, bench_teardown),
	    cmocka_unit_test_setup_teardown(changed_files, bench_setup_fresh, bench_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
