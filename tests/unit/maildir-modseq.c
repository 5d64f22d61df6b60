/* libs/maildir: mod-sequences: the file's two forms, what a crash leaves, and two that write. */
#include "config.h"

#include "maildir/maildir.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[64];

static int setup(void **state)
{
	snprintf(dir, sizeof dir, "/tmp/maildir-modseq.XXXXXX");
	return mkdtemp(dir) && maildir_make(dir, 0700) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
	pid_t child = fork();
	if (child == 0) {
		execlp("rm", "rm", "-rf", dir, (char *)NULL);
		_exit(1);
	}
	waitpid(child, NULL, 0);
	return 0;
}

static void touch(int n)
{
	char path[200];
	snprintf(path, sizeof path, "%s/cur/1%05d.host:2,", dir, n);
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void file_text(struct buf *b)
{
	char path[200];
	snprintf(path, sizeof path, "%s/courierimapmodseq", dir);
	buf_init(b, 1 << 20);
	assert_int_equal(file_read(AT_FDCWD, path, b), 0);
}

static void put_text(const char *p, size_t n)
{
	char path[200];
	snprintf(path, sizeof path, "%s/courierimapmodseq", dir);
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), (ssize_t)n);
	close(fd);
}

static bool parse(struct maildir_modseqs *m, const char *text)
{
	maildir_modseqs_free(m);
	return maildir_modseqs_parse(m, str_of(text), 7);
}

static void test_text(void **state)
{
	struct maildir_modseqs m = {0};
	assert_true(parse(&m, "1 7 50\n1 20 0\n2 60 a\nx\n1 70 0 0\n9 50 ff\n"));
	assert_int_equal(m.v.n, 3); /* the form before */
	assert_true(m.whole);
	assert_int_equal(m.highest, 60);
	assert_int_equal(m.v.v[2].state, 0xff);

	const char *now =
	    "1 7 50\n1 20 0\n2 50 a\n= 50 0 0 0 20\n2 80 b\n3 80 1\n1 0 0\n= 80 5 6 7 20\n";
	assert_true(parse(&m, now));
	assert_false(m.whole);
	assert_int_equal(m.v.n, 2);
	assert_int_equal(maildir_modseq_of(&m, 1), 0);
	assert_int_equal(maildir_modseq_of(&m, 2), 80);
	assert_int_equal(m.v.v[0].state, 0xb);
	assert_int_equal(maildir_modseq_of(&m, 3), 80);
	assert_int_equal(m.turn.words, 7);
	maildir_modseqs_more(&m, STR("3 90 2\n= 91 0 0 0 20\n"));
	assert_int_equal(maildir_modseq_of(&m, 3), 90);
	assert_int_equal(m.highest, 91);
	assert_false(m.whole);
	maildir_modseqs_more(&m, STR("3 99 3\n= 99 0 0 0 2"));
	assert_int_equal(maildir_modseq_of(&m, 3), 90);
	assert_true(m.whole);
	assert_false(parse(&m, "1 8 50\n"));
	assert_false(parse(&m, "2 7 50\n"));
	assert_false(parse(&m, ""));
	maildir_modseqs_free(&m);
}

/* However much of an append a crash leaves, it is all or nothing. */
static void test_torn(void **state)
{
	static const char before[] = "1 7 50\n1 20 0\n2 50 a\n= 50 0 0 0 20\n";
	static const char turn[] = "1 80 f\n2 80 f\n= 80 0 0 0 20\n";
	char text[200];
	for (size_t n = 0; n < sizeof turn; n++) {
		struct maildir_modseqs m = {0};
		snprintf(text, sizeof text, "%s%.*s", before, (int)n, turn);
		assert_true(parse(&m, text));
		bool all = n == sizeof turn - 1;
		assert_int_equal(m.whole, n != 0 && !all);
		assert_int_equal(maildir_modseq_of(&m, 1), all ? 80 : 20);
		assert_int_equal(maildir_modseq_of(&m, 2), all ? 80 : 50);
		assert_int_equal(m.highest, all ? 80 : 50);
		maildir_modseqs_free(&m);
	}
}

static struct maildir_folder *folder(void)
{
	struct maildir_folder *f = maildir_folder_open(dir, 0);
	assert_non_null(f);
	assert_true(maildir_folder_sync(f, true) >= 0);
	return f;
}

static void store(struct maildir_folder *f, struct maildir_modseqs *m, size_t i, unsigned flags)
{
	int lock = maildir_modseqs_turn(f);
	assert_true(lock >= 0);
	assert_int_equal(maildir_folder_set_flags(f, i, flags), 0);
	assert_int_equal(maildir_modseqs_end(m, f, lock), 0);
}

/* A folder that is written to again and again keeps its file small, and its numbers rise. */
static void test_growth(void **state)
{
	struct maildir_modseqs m = {0}, other = {0};
	for (int i = 0; i < 20; i++)
		touch(i);
	struct maildir_folder *f = folder();
	assert_true(maildir_modseqs_update(&m, f) >= 0);
	ino_t first = m.ino;
	uint64_t last = m.highest;
	int replaced = 0, appended = 0;
	for (int i = 0; i < 600; i++) {
		uint64_t size = m.size;
		store(f, &m, (size_t)i % 20, i / 20 % 2 ? 0 : MAILDIR_SEEN);
		assert_true(m.highest > last);
		assert_int_equal(maildir_modseq_of(&m, f->msgs.v[i % 20].uid), m.highest);
		last = m.highest;
		m.size > size ? appended++ : replaced++;
		assert_true(m.size < 20000);
	}
	assert_true(appended > 500 && replaced > 0 && first != 0);
	struct maildir_folder *g = folder();
	assert_true(maildir_modseqs_update(&other, g) >= 0);
	assert_int_equal(other.highest, last);
	for (size_t i = 0; i < 20; i++)
		assert_int_equal(other.v.v[i].modseq, m.v.v[i].modseq);
	maildir_modseqs_free(&m);
	maildir_modseqs_free(&other);
	maildir_folder_close(&f);
	maildir_folder_close(&g);
}

/* The file is cut where a crash may cut it: no number is given again, and what was told stays. */
static void test_cut(void **state)
{
	struct maildir_modseqs m = {0};
	struct buf text;
	for (int i = 0; i < 3; i++)
		touch(i);
	struct maildir_folder *f = folder();
	assert_true(maildir_modseqs_update(&m, f) >= 0);
	file_text(&text);
	size_t base = text.n;
	buf_free(&text);
	store(f, &m, 1, MAILDIR_FLAGGED);
	file_text(&text);
	for (size_t n = base; n <= text.n; n++) {
		struct maildir_modseqs again = {0};
		put_text(text.p, n);
		assert_true(maildir_modseqs_update(&again, f) >= 0);
		assert_int_equal(again.v.v[0].modseq, m.v.v[0].modseq);
		assert_int_equal(again.v.v[2].modseq, m.v.v[2].modseq);
		if (n < text.n)
			assert_true(again.v.v[1].modseq > m.highest);
		else
			assert_int_equal(again.v.v[1].modseq, m.highest);
		maildir_modseqs_free(&again);
	}
	buf_free(&text);
	maildir_modseqs_free(&m);
	maildir_folder_close(&f);
}

/* Those who use no numbers: a higher one when anything may have changed; nothing is compared. */
static void test_glance(void **state)
{
	struct maildir_modseqs m = {0}, plain = {0};
	for (int i = 0; i < 3; i++)
		touch(i);
	usleep(120000); /* times become certain */
	struct maildir_folder *f = folder();
	assert_int_equal(maildir_modseqs_glance(&plain, f), 0);
	uint64_t first = plain.highest;
	assert_true(first > 0);
	assert_int_equal(maildir_modseqs_glance(&plain, f), 0);
	assert_int_equal(plain.highest, first);
	assert_true(maildir_modseqs_update(&m, f) >= 0);
	assert_true(m.highest > first);
	assert_int_equal(maildir_modseqs_glance(&plain, f), 0);
	assert_int_equal(plain.highest, m.highest);
	assert_int_equal(maildir_folder_set_flags(f, 0, MAILDIR_SEEN), 0);
	assert_int_equal(maildir_modseqs_glance(&plain, f), 0);
	assert_true(plain.highest > m.highest);
	assert_true(maildir_modseqs_update(&m, f) >= 0);
	assert_true(maildir_modseq_of(&m, f->msgs.v[0].uid) > plain.highest);
	assert_true(maildir_modseq_of(&m, f->msgs.v[1].uid) < plain.highest);
	for (int i = 0; i < 400; i++) { /* never certain: a line each, yet the file stays small */
		assert_int_equal(maildir_folder_set_flags(f, 0, i % 2 ? MAILDIR_SEEN : 0), 0);
		uint64_t before = plain.highest;
		assert_int_equal(maildir_modseqs_glance(&plain, f), 0);
		assert_true(plain.highest > before);
	}
	struct buf text;
	file_text(&text);
	assert_true(text.n < 20000);
	buf_free(&text);
	maildir_modseqs_free(&m);
	maildir_modseqs_free(&plain);
	maildir_folder_close(&f);
}

/* Writers that are killed anywhere: numbers only rise, and the state told last is found. */
static void test_killed(void **state)
{
	struct maildir_modseqs m = {0};
	uint64_t last = 0;
	for (int i = 0; i < 8; i++)
		touch(i);
	for (int round = 0; round < 30; round++) {
		pid_t child = fork();
		if (child == 0) {
			struct maildir_folder *g = folder();
			struct maildir_modseqs x = {0};
			maildir_modseqs_update(&x, g);
			for (unsigned k = 0;; k++)
				store(g, &x, k % 8, k / 8 % 2 ? MAILDIR_SEEN : 0);
		}
		usleep(2000 + (useconds_t)round * 317);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		struct maildir_folder *f = folder();
		assert_true(maildir_modseqs_update(&m, f) >= 0);
		assert_int_equal(m.v.n, 8);
		assert_true(m.highest >= last);
		last = m.highest;
		store(f, &m, 0, f->msgs.v[0].flags ^ MAILDIR_FLAGGED);
		assert_true(m.highest > last);
		last = m.highest;
		maildir_folder_close(&f);
	}
	maildir_modseqs_free(&m);
}

#define MODSEQ_TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_torn),
	    MODSEQ_TEST(test_growth),
	    MODSEQ_TEST(test_cut),
	    MODSEQ_TEST(test_glance),
	    MODSEQ_TEST(test_killed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
