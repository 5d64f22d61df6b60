/* libs/maildir: names, delivery, quota, tree. */
#include "config.h"

#include "maildir/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static char *fresh(void)
{
	char *dir = mem_strdup("/tmp/maildir-test.XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(maildir_make(dir, 0700), 0);
	return dir;
}

static void wipe(char *dir)
{
	char *const cmd[] = {(char[]){"rm"}, (char[]){"-rf"}, dir, NULL};
	if (fork() == 0) {
		execvp(cmd[0], cmd);
		_exit(1);
	}
	free(dir);
}

/* MDIR-0037 the size in a name, MDIR-0038 flags; unknown letters stay */
static void test_names(void **state)
{
	struct maildir_name m;
	char letters[MAILDIR_LETTERS_MAX + 1];
	assert_true(maildir_name_parse(STR("12.M3P4.host,S=15:2,FSa"), &m));
	assert_true(str_is(m.base, "12.M3P4.host,S=15"));
	assert_int_equal(m.flags, MAILDIR_FLAGGED | MAILDIR_SEEN);
	assert_true(m.has_size && m.size == 15);
	maildir_flags_letters(MAILDIR_TRASHED | MAILDIR_DRAFT, m.letters, letters);
	assert_string_equal(letters, "DTa");
	assert_true(maildir_name_parse(STR("12.M3P4.host,S=15"), &m) && m.size == 15);
	assert_true(maildir_name_parse(STR("12.host,S=x"), &m) && !m.has_size);
	assert_true(maildir_name_parse(STR("12.host,S=7,W=8:1,S"), &m) && m.size == 7 && !m.flags);
	assert_false(maildir_name_parse(STR(".hidden"), &m));
	assert_false(maildir_name_parse(STR(""), &m));
	assert_false(maildir_name_parse(STR("a\nb"), &m));
	assert_true(maildir_name_cmp(STR("9.x"), STR("10.x")) < 0);
	assert_true(maildir_name_cmp(STR("10.a"), STR("10.b")) < 0);
	assert_int_equal(maildir_name_cmp(STR("10.a"), STR("10.a")), 0);
}

static void test_folder_names(void **state)
{
	assert_true(maildir_folder_ok(STR("Foo.Bar")));
	assert_true(maildir_folder_ok(STR("M\xc3\xbcll")));
	assert_false(maildir_folder_ok(STR("Foo..Bar")));
	assert_false(maildir_folder_ok(STR(".Foo")));
	assert_false(maildir_folder_ok(STR("Foo.")));
	assert_false(maildir_folder_ok(STR("a/b")));
	assert_false(maildir_folder_ok(STR("\xff")));
	assert_false(maildir_folder_ok(STR("\xc0\xaf")));
	assert_false(maildir_folder_ok(STR("")));
}

static void test_delivery(void **state)
{
	char *dir = fresh();
	struct buf name;
	struct str words[] = {STR_INIT("one"), STR_INIT("two")};
	struct maildir_deliver_options o = {
	    .letters = "SF", .mtime = 1000000000, .keywords = words, .nkeywords = 2};
	buf_init(&name, 512);
	struct maildir_delivery *d = maildir_deliver_begin(dir, NULL);
	assert_non_null(d);
	assert_int_equal(maildir_deliver_write(d, "hello\n", 6), 0);
	assert_int_equal(maildir_deliver_finish(&d, &name), 0);
	assert_null(d);
	assert_true(str_ends(buf_str(&name), STR(",S=6")));
	char *path = mem_printf("%s/new/%s", dir, name.p);
	assert_int_equal(access(path, R_OK), 0);
	free(path);
	buf_clear(&name);
	d = maildir_deliver_begin(dir, &o);
	assert_int_equal(maildir_deliver_finish(&d, &name), 0);
	assert_true(str_ends(buf_str(&name), STR(":2,FS")));
	assert_true(str_find(buf_str(&name), STR(",S=")) < 0);
	path = mem_printf("%s/cur/%s", dir, name.p);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mtime, 1000000000);
	free(path);
	d = maildir_deliver_begin(dir, NULL);
	maildir_deliver_write(d, "x", 1);
	maildir_deliver_abort(&d);
	path = mem_printf("%s/tmp", dir);
	assert_int_equal(rmdir(path), 0); /* nothing is left behind */
	free(path);
	assert_null(maildir_deliver_begin("/nonexistent", NULL));
	assert_int_equal(errno, ENOENT);
	buf_free(&name);
	wipe(dir);
}

static int put(const char *dir, size_t n, const char *letters)
{
	static const char text[4096] = {'x'};
	struct maildir_delivery *d =
	    maildir_deliver_begin(dir, &(struct maildir_deliver_options){.letters = letters});
	if (!d || maildir_deliver_write(d, text, n) < 0) {
		maildir_deliver_abort(&d);
		return -1;
	}
	return maildir_deliver_finish(&d, NULL);
}

/* MDIR-0036 a folder counts for its Maildir, MDIR-0039 maildirsize, MDIR-0040 Trash does not count
 */
static void test_quota(void **state)
{
	char *dir = fresh();
	struct maildir_quota q;
	assert_int_equal(maildir_quota_read(dir, &q), 1);
	assert_int_equal(put(dir, 1000, NULL), 0);
	assert_int_equal(maildir_make_folder(dir, "Foo"), 0);
	assert_int_equal(maildir_make_folder(dir, "Trash"), 0);
	char *foo = maildir_folder_path(dir, "Foo"), *trash = maildir_folder_path(dir, "Trash");
	assert_int_equal(put(foo, 500, "S"), 0);
	assert_int_equal(put(foo, 500, "T"), 0); /* not counted */
	assert_int_equal(maildir_quota_set(dir, "3000S,10C"), 0);
	assert_int_equal(maildir_quota_read(foo, &q), 0);
	assert_int_equal(q.bytes, 1500);
	assert_int_equal(q.count, 2);
	assert_int_equal(put(foo, 1400, ""), 0);
	assert_int_equal(maildir_quota_read(dir, &q), 0);
	assert_int_equal(q.bytes, 2900);
	assert_int_equal(put(dir, 200, NULL), -1);
	assert_int_equal(errno, EDQUOT);
	assert_int_equal(put(trash, 200, NULL), 0);
	assert_int_equal(maildir_quota_add(dir, -1000, -1), 0);
	assert_int_equal(put(dir, 50, NULL), 0);
	assert_int_equal(put(dir, 1060, NULL), -1); /* counted again: nothing was really removed */
	assert_int_equal(maildir_quota_read(dir, &q), 0);
	assert_int_equal(q.bytes, 2950);
	assert_int_equal(maildir_quota_percent(&q), 98);
	free(foo);
	free(trash);
	wipe(dir);
}

static void test_quota_parse(void **state)
{
	struct maildir_quota q;
	size_t lines;
	assert_true(maildir_quota_sum(STR("100S,5C,7Z\n  10 1\n-3 -1\nrubbish\n 5"), &q, &lines));
	assert_int_equal(q.bytes, 7);
	assert_int_equal(q.count, 0);
	assert_int_equal(lines, 2);
	assert_false(maildir_quota_sum(STR("0S\n1 1\n"), &q, &lines));
	assert_false(maildir_quota_sum(STR(""), &q, &lines));
	assert_false(maildir_quota_sum(
	    STR("1S\n9223372036854775807 1\n9223372036854775807 1\n"), &q, &lines));
}

/* MDIR-0034 what lies in tmp for 36 hours goes */
static void test_tmp_clean(void **state)
{
	char *dir = fresh();
	char *young = mem_printf("%s/tmp/young", dir);
	close(open(young, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(maildir_tmp_clean(dir), 0);
	assert_int_equal(maildir_tmp_clean_at(dir, clock_now() + 35 * 3600), 0);
	assert_int_equal(access(young, F_OK), 0);
	assert_int_equal(maildir_tmp_clean_at(dir, clock_now() + 37 * 3600), 0);
	assert_int_equal(access(young, F_OK), -1);
	free(young);
	wipe(dir);
}

static unsigned rights(const char *list, const char *who)
{
	struct maildir_acl acl = {0};
	struct str ids[2], rest = str_of(who);
	size_t n = 0;
	while (n < 2 && str_word(&rest, &ids[n]))
		n++;
	maildir_acl_parse(str_of(list), &acl);
	unsigned r = maildir_acl_rights(&acl, ids, n);
	maildir_acl_free(&acl);
	return r;
}

static unsigned of(const char *letters)
{
	unsigned r;
	assert_true(maildir_rights_parse(str_of(letters), &r));
	return r;
}

static void test_acl(void **state)
{
	static const char list[] = "owner aceilrstwx\nanyone lr\nuser=john w\n-user=mary r\n"
				   "no rights?\nrubbish\n\nuser=a b lrs\n";
	struct maildir_acl acl = {0};
	struct buf text;
	assert_int_equal(rights(list, "user=john"), of("lrw"));
	assert_int_equal(rights(list, "user=mary"), of("l"));
	assert_int_equal(rights(list, "user=mary user=john"), of("lw"));
	assert_int_equal(rights(list, ""), of("lr"));
	assert_int_equal(rights(list, "owner"), MAILDIR_RIGHTS_MASK);
	assert_int_equal(rights("", "group=administrators"), MAILDIR_RIGHTS_MASK);
	assert_int_equal(rights("group=administrators l\n", "group=administrators"), 0x3ff);
	buf_init(&text, 1000);
	maildir_acl_parse(STR("owner aceilrstwx\nadministrators xwtsrlieca\nuser=x d\n"), &acl);
	assert_null(maildir_acl_fault(&acl));
	assert_true(maildir_acl_change(&acl, STR("-anyone"), '+', of("l")));
	assert_string_equal(maildir_acl_fault(&acl), "owner");
	maildir_acl_remove(&acl, STR("-anyone"));
	assert_true(maildir_acl_change(&acl, STR("administrators"), '-', of("s")));
	assert_string_equal(maildir_acl_fault(&acl), "administrators");
	maildir_acl_print(&acl, ' ', &text);
	assert_string_equal(text.p, "owner aceilrstwx\nadministrators aceilrtwx\nuser=x etx\n");
	maildir_acl_free(&acl);
	buf_free(&text);
	assert_true(maildir_acl_who_ok(STR("-user=x")));
	assert_false(maildir_acl_who_ok(STR("user=")));
	assert_false(maildir_acl_who_ok(STR("x")));
	assert_false(maildir_acl_who_ok(STR("")));
	assert_false(maildir_acl_who_ok(STR("user=a\nowner")));
}

/* MDIR-0042 courierimapsubscribed, MDIR-0035 folders */
static void test_tree(void **state)
{
	char *dir = fresh();
	maildir_list l = {0};
	assert_int_equal(maildir_make_folder(dir, "B"), 0);
	assert_int_equal(maildir_make_folder(dir, "A.x"), 0);
	assert_int_equal(maildir_make_folder(dir, "B"), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(maildir_make_folder(dir, "../B"), -1);
	assert_int_equal(maildir_list_folders(dir, &l), 0);
	assert_int_equal(l.n, 2);
	assert_string_equal(l.v[0], "A.x");
	maildir_list_free(&l);
	assert_int_equal(maildir_rename_folder(dir, "B", "A.x"), -1);
	assert_int_equal(maildir_rename_folder(dir, "B", "C"), 0);
	assert_int_equal(maildir_delete_folder(dir, "C"), 0);
	assert_int_equal(maildir_delete_folder(dir, "C"), -1);
	assert_int_equal(maildir_subscribe(dir, "INBOX.A.x", true), 0);
	assert_int_equal(maildir_subscribe(dir, "INBOX.Gone", true), 0);
	assert_int_equal(maildir_subscribe(dir, "INBOX.Gone", false), 0);
	assert_int_equal(maildir_subscriptions(dir, &l), 0);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.v[0], "INBOX.A.x");
	maildir_list_free(&l);
	assert_false(maildir_has_new(dir));
	assert_int_equal(put(dir, 1, NULL), 0);
	assert_true(maildir_has_new(dir));
	wipe(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_folder_names),
	    cmocka_unit_test(test_delivery),
	    cmocka_unit_test(test_quota),
	    cmocka_unit_test(test_quota_parse),
	    cmocka_unit_test(test_tree),
	    cmocka_unit_test(test_tmp_clean),
	    cmocka_unit_test(test_acl),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
