/* libs/maildir: open folders: UIDs, flags and keywords with several openings at once. */
#include "config.h"

#include "maildir/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[64];

static int setup(void **state)
{
	snprintf(dir, sizeof dir, "/tmp/maildir-folder.XXXXXX");
	return mkdtemp(dir) && maildir_make(dir, 0700) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
	if (fork() == 0) {
		execlp("rm", "rm", "-rf", dir, (char *)NULL);
		_exit(1);
	}
	return 0;
}

static char *in_dir(const char *name)
{
	static char path[600];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void touch(const char *name)
{
	int fd = open(in_dir(name), O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void move(const char *from, const char *to)
{
	char *a = mem_strdup(in_dir(from));
	assert_int_equal(rename(a, in_dir(to)), 0);
	free(a);
}

static void file_is(const char *name, const char *want)
{
	struct buf b;
	buf_init(&b, 65536);
	assert_int_equal(file_read(AT_FDCWD, in_dir(name), &b), 0);
	assert_string_equal(b.p, want);
	buf_free(&b);
}

static void put_text(const char *name, const char *text)
{
	int fd = open(dir, O_RDONLY);
	assert_int_equal(maildir_put_file(fd, name, str_of(text), false), 0);
	close(fd);
}

/* MDIR-0041 courierimapuiddb */
static void test_uids(void **state)
{
	put_text("courierimapuiddb", "1 795309541 9\n3 30.a\n5 50.gone\n8 20.b,S=7\n");
	touch("cur/30.a:2,S");
	touch("cur/20.b,S=7:2,F");
	touch("cur/9.d:2,");
	touch("new/10.c");
	struct maildir_folder *f = maildir_folder_open(dir, MAILDIR_DOT_LOCK);
	assert_non_null(f);
	assert_int_equal(maildir_folder_sync(f, false), 1);
	assert_int_equal(f->msgs.n, 4);
	assert_int_equal(f->uidvalidity, 795309541);
	assert_int_equal(f->uidnext, 11);
	const uint32_t uids[] = {3, 8, 9, 10};
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(f->msgs.v[i].uid, uids[i]);
	assert_int_equal(f->msgs.v[0].flags, MAILDIR_SEEN);
	assert_int_equal(f->msgs.v[1].size, 7);
	assert_true(f->msgs.v[3].recent && !f->msgs.v[2].recent);
	file_is("courierimapuiddb", "1 795309541 11\n3 30.a\n8 20.b,S=7\n9 9.d\n10 10.c\n");
	assert_int_equal(access(in_dir("cur/10.c:2,"), F_OK), 0);
	assert_int_equal(access(in_dir("tmp/courier.lock"), F_OK), -1);
	assert_int_equal(maildir_folder_sync(f, true), 0);
	maildir_folder_close(&f);
}

static void test_changes_by_others(void **state)
{
	touch("cur/1.a:2,");
	touch("cur/2.b:2,");
	touch("cur/3.c:2,");
	struct maildir_folder *f = maildir_folder_open(dir, 0);
	assert_int_equal(maildir_folder_sync(f, false), 1);
	move("cur/1.a:2,", "cur/1.a:2,RSx");
	assert_int_equal(unlink(in_dir("cur/2.b:2,")), 0);
	touch("cur/0.d:2,");
	assert_int_equal(maildir_folder_sync(f, false), 1);
	assert_int_equal(f->msgs.n, 4);
	assert_true(f->msgs.v[0].changed && f->msgs.v[0].flags == (MAILDIR_REPLIED | MAILDIR_SEEN));
	assert_true(f->msgs.v[1].gone);
	assert_int_equal(f->msgs.v[3].uid, 4);
	maildir_folder_drop(f, 1);
	assert_int_equal(maildir_folder_set_flags(f, 0, MAILDIR_TRASHED), 0);
	assert_int_equal(access(in_dir("cur/1.a:2,Tx"), F_OK), 0);
	move("cur/3.c:2,", "cur/3.c:2,D"); /* behind its back */
	assert_int_equal(maildir_folder_set_flags(f, 1, MAILDIR_SEEN), 0);
	assert_int_equal(access(in_dir("cur/3.c:2,S"), F_OK), 0);
	move("cur/3.c:2,S", "cur/3.c:2,D");
	int fd = maildir_folder_open_msg(f, 1);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(unlink(in_dir("cur/3.c:2,D")), 0);
	assert_int_equal(maildir_folder_open_msg(f, 1), -1);
	assert_int_equal(errno, ENOENT);
	assert_true(f->msgs.v[1].gone);
	assert_int_equal(maildir_folder_remove(f, 1), 0);
	maildir_folder_close(&f);
}

static void test_two_sessions(void **state)
{
	struct maildir_folder *a = maildir_folder_open(dir, 0), *b = maildir_folder_open(dir, 0);
	uint32_t validity;
	assert_int_equal(maildir_folder_sync(a, false), 1);
	touch("new/1.a");
	assert_int_equal(maildir_folder_sync(a, false), 1);
	assert_int_equal(maildir_folder_sync(b, false), 1);
	assert_int_equal(b->uidvalidity, a->uidvalidity);
	assert_int_equal(b->msgs.v[0].uid, 1);
	assert_true(a->msgs.v[0].recent && !b->msgs.v[0].recent);
	struct maildir_uids *u = maildir_uids_begin(dir, MAILDIR_DOT_LOCK);
	assert_non_null(u);
	touch("cur/0.x:2,");
	assert_int_equal(maildir_uids_add(u, STR("0.x")), 2);
	assert_int_equal(maildir_uids_commit(&u, &validity), 0);
	assert_int_equal(validity, a->uidvalidity);
	touch("cur/2.b:2,");
	assert_int_equal(maildir_folder_sync(b, false), 1);
	assert_int_equal(maildir_folder_sync(a, false), 1);
	assert_int_equal(a->msgs.n, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(a->msgs.v[i].uid, i + 1);
		assert_string_equal(a->msgs.v[i].name, b->msgs.v[i].name);
	}
	maildir_folder_close(&a);
	maildir_folder_close(&b);
}

static void test_many(void **state)
{
	char name[64];
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof name, "cur/%d.x,S=1:2,", i + 1);
		touch(name);
	}
	struct maildir_folder *f = maildir_folder_open(dir, 0);
	assert_int_equal(maildir_folder_sync(f, false), 1);
	assert_int_equal(f->msgs.n, 3000);
	for (size_t i = 0; i < 3000; i++)
		assert_int_equal(f->msgs.v[i].uid, i + 1);
	assert_int_equal(maildir_folder_remove(f, 10), 0);
	assert_int_equal(maildir_folder_remove(f, 2999), 0);
	maildir_folder_drop(f, 2999);
	maildir_folder_drop(f, 10);
	assert_int_equal(maildir_folder_sync(f, true), 0);
	bool exact;
	assert_int_equal(maildir_folder_find(f, 11, &exact), 10);
	assert_false(exact);
	assert_int_equal(maildir_folder_remove(f, 0), 0);
	maildir_folder_drop_gone(f);
	maildir_folder_close(&f); /* right behind a drop: what is left keeps its UIDs */
	f = maildir_folder_open(dir, 0);
	maildir_folder_sync(f, false);
	assert_int_equal(f->msgs.n, 2997);
	assert_int_equal(f->msgs.v[0].uid, 2);
	assert_int_equal(f->msgs.v[2996].uid, 2999);
	assert_int_equal(f->uidnext, 3001);
	maildir_folder_close(&f);
}

static bool has(struct maildir_folder *f, size_t i, const char *words)
{
	struct buf b;
	struct maildir_kwset *k = f->msgs.v[i].keywords;
	buf_init(&b, 1000);
	for (unsigned n = 0; k && n < k->n; n++)
		buf_addf(&b, "%s%s", n ? " " : "", f->words.v[k->v[n]]);
	bool same = strcmp(b.p, words) == 0;
	buf_free(&b);
	return same;
}

/* MDIR-0043 the keyword store */
static void test_keywords(void **state)
{
	touch("cur/1.a:2,");
	touch("cur/2.b:2,");
	touch("cur/3.c:2,");
	assert_int_equal(mkdir(in_dir("courierimapkeywords"), 0700), 0);
	put_text("courierimapkeywords/:list", "one\ntwo\n\n1.a:1 0\n9.gone:0\n2.b:0\n");
	put_text("courierimapkeywords/2.b", "Three\nONE\n");
	put_text("courierimapkeywords/.5.3.c", "three\n");
	put_text("courierimapkeywords/.7.3.c", "two\n");
	struct maildir_folder *f = maildir_folder_open(dir, 0), *g = maildir_folder_open(dir, 0);
	assert_int_equal(maildir_folder_sync(f, false), 1);
	assert_true(has(f, 0, "one two"));
	assert_true(has(f, 1, "one Three"));
	assert_true(has(f, 2, "two"));
	file_is("courierimapkeywords/:list", "one\ntwo\nThree\n\n1.a:0 1\n2.b:0 2\n3.c:1\n");
	assert_int_equal(access(in_dir("courierimapkeywords/2.b"), F_OK), -1);
	assert_int_equal(access(in_dir("courierimapkeywords/.5.3.c"), F_OK), -1);
	assert_int_equal(maildir_folder_sync(g, false), 1);
	assert_true(has(g, 1, "one Three"));
	uint16_t v[] = {(uint16_t)maildir_folder_word(g, STR("new"), true), 0};
	assert_int_equal(maildir_folder_set_keywords(g, 0, v, 2), 0);
	assert_int_equal(maildir_folder_set_keywords(g, 1, v, 0), 0);
	assert_true(has(g, 0, "one new"));
	assert_int_equal(maildir_folder_sync(f, false), 1);
	assert_true(has(f, 0, "one new") && f->msgs.v[0].changed);
	assert_true(has(f, 1, ""));
	maildir_folder_close(&f);
	maildir_folder_close(&g);
	f = maildir_folder_open(dir, MAILDIR_READ_ONLY);
	maildir_folder_sync(f, false);
	assert_true(has(f, 0, "one new") && has(f, 1, "") && has(f, 2, "two"));
	maildir_folder_close(&f);
}

/* MDIR-0050 courier.lock in tmp */
static void test_locks(void **state)
{
	struct maildir_lock a;
	int fd = open(dir, O_RDONLY);
	put_text("tmp/courier.lock", "");
	struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	assert_int_equal(utimensat(AT_FDCWD, in_dir("tmp/courier.lock"), old, 0), 0);
	assert_int_equal(maildir_lock_take(&a, fd, true), 0); /* a stale one is broken */
	pid_t child = fork();
	if (child == 0) {
		struct maildir_lock b;
		alarm(1);
		maildir_lock_take(&b, fd, false);
		_exit(0); /* not reached while we hold it */
	}
	int status;
	waitpid(child, &status, 0);
	assert_true(WIFSIGNALED(status));
	maildir_lock_drop(&a);
	assert_int_equal(access(in_dir("tmp/courier.lock"), F_OK), -1);
	close(fd);
}

#define FOLDER_TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    FOLDER_TEST(test_uids),
	    FOLDER_TEST(test_changes_by_others),
	    FOLDER_TEST(test_two_sessions),
	    FOLDER_TEST(test_many),
	    FOLDER_TEST(test_keywords),
	    FOLDER_TEST(test_locks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
