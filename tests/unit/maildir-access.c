/* Who may do what in a folder, and the index of shared folders. */
#include "config.h"

#include "maildir/maildir.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const struct {
	enum maildir_action what;
	const char *letters; /* one of them is enough */
} actions[] = {
    {MAILDIR_LOOKUP, "l"},
    {MAILDIR_READ, "r"},
    {MAILDIR_MARK_SEEN, "s"},
    {MAILDIR_MARK_DELETE, "t"},
    {MAILDIR_MARK_OTHER, "w"},
    {MAILDIR_INSERT, "i"},
    {MAILDIR_EXPUNGE, "e"},
    {MAILDIR_CREATE, "c"},
    {MAILDIR_DELETE, "x"},
    {MAILDIR_ADMINISTER, "a"},
    {MAILDIR_ASK_RIGHTS, MAILDIR_RIGHTS_ALL},
};

/* Every set of rights and every action: 1024 times 11. */
static void test_verdicts(void **state)
{
	char have[MAILDIR_RIGHTS_SIZE];
	for (unsigned rights = 0; rights <= MAILDIR_RIGHTS_MASK; rights++) {
		maildir_rights_text(rights, have);
		for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
			enum maildir_verdict want = strpbrk(have, actions[i].letters)
							? MAILDIR_ALLOW
						    : strchr(have, 'l') ? MAILDIR_DENY
									: MAILDIR_HIDE;
			assert_int_equal(maildir_access_rights(rights, actions[i].what), want);
		}
	}
}

static enum maildir_verdict judge(
    const char *user, const char *options, bool owner, const char *list, enum maildir_action what)
{
	struct maildir_identity who;
	struct maildir_acl acl = {0};
	char room[512];
	maildir_identity_parse(str_of(user), str_of(options), &who, room, sizeof room);
	maildir_acl_parse(str_of(list), &acl);
	enum maildir_verdict v = maildir_access(&who, owner, &acl, what);
	maildir_acl_free(&acl);
	return v;
}

static void test_identities(void **state)
{
	static const char list[] = "owner aceilrstwx\nuser=bob lr\n-group=late r\ngroup=staff li\n";
	assert_int_equal(judge("bob", "", false, list, MAILDIR_READ), MAILDIR_ALLOW);
	assert_int_equal(judge("bob", "group=late", false, list, MAILDIR_READ), MAILDIR_DENY);
	assert_int_equal(judge("bo", "", false, list, MAILDIR_READ), MAILDIR_HIDE);
	assert_int_equal(judge("bob", "", false, list, MAILDIR_INSERT), MAILDIR_DENY);
	assert_int_equal(judge("x", "sharedgroup=1, group=staff ,a=b", false, list, MAILDIR_INSERT),
	    MAILDIR_ALLOW);
	assert_int_equal(judge("x", "group=", false, "group= lr\n", MAILDIR_READ), MAILDIR_HIDE);
	assert_int_equal(judge("", "", false, "user= lr\n", MAILDIR_READ), MAILDIR_HIDE);
	assert_int_equal(judge("owner", "", false, list, MAILDIR_READ), MAILDIR_HIDE);
	assert_int_equal(judge("x", "", true, list, MAILDIR_ADMINISTER), MAILDIR_ALLOW);
	assert_int_equal(
	    judge("x", "group=administrators", false, "", MAILDIR_DELETE), MAILDIR_ALLOW);
	assert_int_equal(judge("administrators", "", false, "", MAILDIR_READ), MAILDIR_HIDE);
	assert_int_equal(judge("x", "", false, "anonymous lr\n", MAILDIR_READ), MAILDIR_ALLOW);
}

/* Options beyond all bounds give no more groups than there is room for. */
static void test_many_groups(void **state)
{
	struct buf options;
	struct maildir_identity who;
	char room[16];
	buf_init(&options, 1 << 20);
	for (int i = 0; i < 1000; i++)
		buf_addf(&options, "group=g%d,", i);
	maildir_identity_parse(
	    STR("a-name-that-has-no-room"), buf_str(&options), &who, room, sizeof room);
	assert_int_equal(who.n, MAILDIR_IDENTITIES);
	assert_true(str_is(who.ids[0], "group=g0"));
	buf_free(&options);
}

static void is_old(const char *rights, bool partial, const char *want)
{
	char got[MAILDIR_RIGHTS_OLD_SIZE];
	unsigned r;
	maildir_rights_parse(str_of(rights), &r);
	maildir_rights_old(r, partial, got);
	assert_string_equal(got, want);
}

static void test_old_letters(void **state)
{
	is_old("aceilrstwx", false, "acdilrsw");
	is_old("lrx", false, "lr");
	is_old("lrx", true, "lrx");
	is_old("lretx", true, "dlr");
	is_old("etx", false, "d");
	is_old("acetx", false, "acd");
	is_old("et", true, "et");
	is_old("", true, "");
}

static bool line(const char *text, const char *want)
{
	struct maildir_index_line e;
	char got[256] = "";
	if (!maildir_index_line(str_of(text), &e))
		return *want == 0;
	if (e.file.n)
		snprintf(got, sizeof got, "%.*s*%.*s", STR_FMT(e.name), STR_FMT(e.file));
	else
		snprintf(got, sizeof got, "%.*s|%.*s|%.*s", STR_FMT(e.name), STR_FMT(e.home),
		    STR_FMT(e.maildir));
	return strcmp(got, want) == 0;
}

static void test_lines(void **state)
{
	assert_true(line("a\t1\t2\t/h", "a|/h|./Maildir"));
	assert_true(line("a\t1\t2\t/h\tM", "a|/h|M"));
	assert_true(line("a\t1\t2\t/h\t\tx=1", "a|/h|./Maildir"));
	assert_true(line("a\t1\t2\t/h\tM\tx=1\r", "a|/h|M"));
	assert_true(line("g\t*\tfile", "g*file"));
	assert_true(line("", ""));
	assert_true(line("#a\t1\t2\t/h", ""));
	assert_true(line("a\t1\t2\th", ""));
	assert_true(line("a\t1\t2\t", ""));
	assert_true(line("a\t1\t2", ""));
	assert_true(line("\t1\t2\t/h", ""));
	assert_true(line("g\t*\t../file", ""));
	assert_true(line("g\t*\t.file", ""));
	assert_true(line("g\t*\ta/file", ""));
	assert_true(line("g\t*", ""));
	assert_true(line("g\t*\t", ""));
	assert_true(line("a\x01\t1\t2\t/h", ""));
}

static void is_munged(const char *name, bool escapes, const char *want)
{
	struct buf b;
	buf_init(&b, 100);
	assert_true(maildir_index_munge(str_of(name), escapes, &b));
	assert_string_equal(b.n ? b.p : "", want);
	buf_free(&b);
}

static void test_munge(void **state)
{
	is_munged("a.b/c\\d", false, "a b c\\d");
	is_munged("a.b/c\\d", true, "a\\:b\\;c\\\\d");
	is_munged("..", false, "  ");
}

static void put(const char *dir, const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static void test_load(void **state)
{
	char dir[] = "/tmp/unit-index.XXXXXX", path[256];
	maildir_shared_list l = {0};
	assert_non_null(mkdtemp(dir));
	put(dir, "index", "a\t1\t1\t/h/a\nG.1\t*\tg\nb\t1\t1\t/h/b\t/abs\n");
	put(dir, "g", "c\t1\t1\t/h/c\nup\t*\tindex\nself\t*\tg\ngone\t*\tnone\n");
	snprintf(path, sizeof path, "%s/index", dir);
	assert_int_equal(maildir_index_load(path, false, &l), 0);
	assert_int_equal(l.n, 3);
	assert_string_equal(l.v[0].name, "a");
	assert_string_equal(l.v[0].maildir, "/h/a/./Maildir");
	assert_string_equal(l.v[1].name, "G 1.c");
	assert_string_equal(l.v[2].maildir, "/abs");
	maildir_index_free(&l);
	unlink(path);
	assert_int_equal(maildir_index_load(path, false, &l), -1);
	snprintf(path, sizeof path, "%s/g", dir);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_verdicts),
	    cmocka_unit_test(test_identities),
	    cmocka_unit_test(test_many_groups),
	    cmocka_unit_test(test_old_letters),
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_munge),
	    cmocka_unit_test(test_load),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
