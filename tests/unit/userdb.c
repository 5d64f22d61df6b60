/* userdb: reading, changing, compiling and looking up. */
#include "config.h"

#include "authdaemon/userdb.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[64], base[80];

static int setup(void **state)
{
	snprintf(dir, sizeof dir, "/tmp/userdb-test.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(base, sizeof base, "%s/userdb", dir);
	return 0;
}

static int teardown(void **state)
{
	char command[100];
	const char *const names[] = {"userdb/sub/more", "userdb/sub/.lock.more", "userdb/sub",
	    "userdb/accounts", "userdb/.lock.accounts", "userdb", ".lock.userdb", "userdb.dat",
	    "userdbshadow.dat", "userdb.lock", ""};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(command, sizeof command, "%s/%s", dir, names[i]);
		remove(command);
	}
	return access(dir, F_OK) == 0 ? -1 : 0; /* something was left behind */
}

static void put(const char *path, const char *text, mode_t mode)
{
	assert_int_equal(file_replace(AT_FDCWD, path, text, strlen(text), mode), 0);
}

static void file_is(const char *path, const char *text)
{
	struct buf got;
	buf_init(&got, 100000);
	assert_int_equal(file_read(AT_FDCWD, path, &got), 0);
	assert_string_equal(got.p, text);
	buf_free(&got);
}

static void test_lines(void **state)
{
	struct str name, record, value;
	assert_int_equal(userdb_line(STR("tim\tuid=5|x|y==\r"), &name, &record), 1);
	assert_true(str_is(name, "tim") && str_is(record, "uid=5|x|y=="));
	assert_true(userdb_field(record, "uid", &value) && str_is(value, "5"));
	assert_true(userdb_field(record, "x", &value) && value.n == 0);
	assert_true(userdb_field(record, "y", &value) && str_is(value, "="));
	assert_false(userdb_field(record, "ui", &value));
	assert_int_equal(userdb_line(STR(""), &name, &record), 0);
	assert_int_equal(userdb_line(STR("  "), &name, &record), 0);
	assert_int_equal(userdb_line(STR("# a\tb=c"), &name, &record), 0);
	assert_int_equal(userdb_line(STR("no tab"), &name, &record), -1);
	assert_int_equal(userdb_line(STR("\tuid=5"), &name, &record), -1);
	assert_int_equal(userdb_line(STR("tim\t"), &name, &record), -1);
	assert_int_equal(userdb_line(STR("tim\ta\0b"), &name, &record), -1);
}

static void change(const char *file, const char *who, const char *field, const char *value)
{
	char *why = NULL;
	struct userdb_change c = {value ? USERDB_SET : USERDB_UNSET, str_of(field), str_of(value)};
	if (userdb_edit(file, str_of(who), &c, 1, &why) < 0)
		fail_msg("%s", why);
}

static void test_edit(void **state)
{
	char *why = NULL;
	struct stat st;
	put(base, "# ours\n\ntim\tuid=5|home=/t\nTIM@EX\tuid=6", 0600);
	change(base, "tim", "uid", "7");
	file_is(base, "# ours\n\ntim\thome=/t|uid=7\nTIM@EX\tuid=6\n");
	change(base, "TIM@ex", "uid", NULL);
	change(base, "new@x", "systempw", "$1$a");
	file_is(base, "# ours\n\ntim\thome=/t|uid=7\nTIM@EX\t\nnew@x\tsystempw=$1$a\n");
	assert_int_equal(userdb_edit(base, STR("tim"), NULL, 0, &why), 0);
	assert_int_equal(userdb_edit(base, STR("tim"), NULL, 0, &why), 1);
	file_is(base, "# ours\n\nTIM@EX\t\nnew@x\tsystempw=$1$a\n");
	assert_int_equal(stat(base, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_edit_refuses(void **state)
{
	static const char *const values[] = {"a|b", "a\nb", "a\tb"};
	char *why = NULL;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		struct userdb_change c = {USERDB_SET, STR("home"), str_of(values[i])};
		assert_int_equal(userdb_edit(base, STR("tim"), &c, 1, &why), -1);
		assert_non_null(why);
		free(why);
	}
	struct userdb_change c = {USERDB_SET, STR("ho me"), STR("x")};
	assert_int_equal(userdb_edit(base, STR("tim"), &c, 1, &why), -1);
	free(why);
	c.field = STR("home");
	assert_int_equal(userdb_edit(base, STR("a\tb"), &c, 1, &why), -1);
	free(why);
	assert_int_equal(access(base, F_OK), -1);
}

static bool lookup(struct userdb *u, const char *name, const char *want)
{
	struct buf record;
	buf_init(&record, 4096);
	int r = userdb_get(u, str_of(name), &record);
	bool same = want ? r == 1 && strcmp(record.p, want) == 0 : r == 0;
	if (!same)
		print_error("%s: %d '%s'\n", name, r, record.p);
	buf_free(&record);
	return same;
}

static void test_text_lookup(void **state)
{
	struct userdb *u = userdb_open(base);
	assert_true(lookup(u, "tim@ex.com", NULL)); /* no source: nobody is there */
	put(base, "tim@Ex.com\tuid=5\n", 0600);
	assert_true(lookup(u, "tim@eX.com", "uid=5"));
	assert_true(lookup(u, "Tim@ex.com", NULL));
	assert_true(lookup(u, "tim", NULL));
	put(base, "tim@ex.com\tuid=6\nanna\tuid=7\n", 0600);
	assert_true(lookup(u, "tim@ex.com", "uid=6"));
	assert_true(lookup(u, "anna", "uid=7"));
	userdb_close(u);
}

/* A slip of the editor keeps the accounts that were read before; at the start nothing is known. */
static void test_bad_text(void **state)
{
	struct buf record;
	int null = open("/dev/null", O_WRONLY);
	log_open("userdb", LOG_TO_FD, null);
	buf_init(&record, 4096);
	put(base, "tim\tuid=5\n", 0600);
	struct userdb *u = userdb_open(base);
	assert_true(lookup(u, "tim", "uid=5"));
	put(base, "tim uid=6\n", 0600);
	assert_true(lookup(u, "tim", "uid=5"));
	userdb_close(u);
	u = userdb_open(base);
	assert_int_equal(userdb_get(u, STR("tim"), &record), -1);
	put(base, "tim\tuid=8\n", 0644); /* others may read it */
	assert_int_equal(userdb_get(u, STR("tim"), &record), -1);
	put(base, "tim\tuid=8\n", 0600);
	assert_true(lookup(u, "tim", "uid=8"));
	userdb_close(u);
	buf_free(&record);
	close(null);
}

static int count(void *ctx, struct str name, struct str record)
{
	++*(int *)ctx;
	return 0;
}

static void test_folder_and_tables(void **state)
{
	char path[120], *why = NULL;
	size_t accounts;
	int n = 0;
	snprintf(path, sizeof path, "%s/sub", base);
	assert_int_equal(file_mkdirs(AT_FDCWD, path, 0700), 0);
	snprintf(path, sizeof path, "%s/sub/more", base);
	put(path, "anna\tuid=7|systempw=$1$a|imappw=$1$b\n7=\tanna\n", 0600);
	char *file = userdb_file_of(base, STR("tim"), &why);
	change(file, "tim@EX", "uid", "5");
	free(file);
	file = userdb_file_of(base, STR("anna"), &why);
	assert_string_equal(file, path);
	free(file);
	struct userdb *u = userdb_open(base);
	assert_true(lookup(u, "anna", "uid=7|systempw=$1$a|imappw=$1$b"));
	assert_true(lookup(u, "tim@ex", "uid=5"));
	assert_int_equal(userdb_compile(base, &accounts, &why), 0);
	assert_int_equal(accounts, 2);
	assert_true(lookup(u, "anna", "uid=7|_=userdb/sub/more|systempw=$1$a|imappw=$1$b"));
	assert_true(lookup(u, "tim@ex", "uid=5|_=userdb/accounts"));
	assert_int_equal(userdb_each(u, count, &n), 0);
	assert_int_equal(n, 2);
	change(path, "tim@ex", "uid", "6"); /* twice now */
	assert_int_equal(userdb_compile(base, &accounts, &why), -1);
	assert_non_null(strstr(why, "tim@ex"));
	free(why);
	assert_true(lookup(u, "tim@ex", "uid=5|_=userdb/accounts"));
	userdb_close(u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test_setup_teardown(test_edit, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_edit_refuses, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_text_lookup, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bad_text, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_folder_and_tables, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
