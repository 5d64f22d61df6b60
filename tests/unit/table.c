/* libs/table: whole tables appear at once, are found again, and damage is noticed. */
#include "config.h"

#include "table/table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[] = "/tmp/table-test.XXXXXX";
static char path[64];

static int setup(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof path, "%s/t.dat", dir);
	return 0;
}

static int teardown(void **state)
{
	unlink(path);
	return rmdir(dir); /* fails when a temporary file was left behind */
}

static void build(enum table_kind kind, const char *value)
{
	struct table_build *b = table_build_begin(path, kind, 0640);
	assert_non_null(b);
	assert_int_equal(table_build_put(b, STR("key"), str_of(value), false), 0);
	assert_int_equal(table_build_put(b, STR("key"), STR("other"), false), 1);
	assert_int_equal(table_build_put(b, STR("kez"), STR("z\0z"), false), 0);
	assert_int_equal(table_build_put(b, STR("l"), STR(""), false), 0);
	assert_int_equal(table_build_put(b, STR("l"), STR("last"), true), 0);
	assert_int_equal(table_build_put(b, STR(""), STR("x"), true), -1);
	assert_int_equal(table_build_commit(b), 0);
}

static void test_build_and_get(void **state)
{
	struct buf v;
	struct stat st;
	buf_init(&v, 100);
	build(TABLE_HASH, "one");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	struct table *t = table_open(path);
	assert_int_equal(table_get(t, STR("key"), &v), 1);
	assert_string_equal(v.p, "one");
	assert_int_equal(table_get(t, STR("kez"), &v), 1);
	assert_true(str_eq(buf_str(&v), STR("z\0z")));
	assert_int_equal(table_get(t, STR("ke"), &v), 0);
	assert_int_equal(table_get(t, STR(""), &v), 0);
	table_close(t);
	buf_free(&v);
}

static void test_reopens(void **state)
{
	struct buf v;
	buf_init(&v, 100);
	unlink(path);
	struct table *t = table_open(path);
	assert_int_equal(table_get(t, STR("key"), &v), -1);
	assert_int_equal(errno, ENOENT);
	build(TABLE_HASH, "one");
	assert_int_equal(table_get(t, STR("key"), &v), 1);
	uint64_t generation = table_generation(t);
	build(TABLE_BTREE, "two");
	assert_int_equal(table_get(t, STR("key"), &v), 1);
	assert_string_equal(v.p, "two");
	assert_true(table_generation(t) > generation);
	unlink(path);
	assert_int_equal(table_get(t, STR("key"), &v), -1);
	build(TABLE_BTREE, "three");
	assert_int_equal(table_prime(t), 0);
	unlink(path);
	assert_int_equal(table_get(t, STR("key"), &v), 1);
	table_close(t);
	buf_free(&v);
}

static int collect(void *ctx, struct str key, struct str value)
{
	struct buf *b = ctx;
	buf_adds(b, key);
	buf_addc(b, '=');
	buf_adds(b, value);
	buf_addc(b, ' ');
	return 0;
}

static int stop(void *ctx, struct str key, struct str value)
{
	return 7;
}

static void test_each(void **state)
{
	struct buf all;
	buf_init(&all, 200);
	build(TABLE_BTREE, "v");
	struct table *t = table_open(path);
	assert_int_equal(table_each(t, collect, &all), 0);
	assert_true(str_eq(buf_str(&all), STR("key=v kez=z\0z l=last ")));
	buf_clear(&all);
	assert_int_equal(table_prefix(t, STR("key"), collect, &all), 0);
	assert_string_equal(all.p, "key=v ");
	assert_int_equal(table_each(t, stop, NULL), 7);
	build(TABLE_HASH, "v");
	assert_int_equal(table_prefix(t, STR("key"), collect, &all), -1);
	assert_int_equal(errno, EINVAL);
	table_close(t);
	buf_free(&all);
}

static void test_abort_keeps_old(void **state)
{
	struct buf v;
	buf_init(&v, 100);
	build(TABLE_HASH, "old");
	struct table_build *b = table_build_begin(path, TABLE_HASH, 0644);
	assert_int_equal(table_build_put(b, STR("key"), STR("new"), false), 0);
	assert_int_equal(table_build_get(b, STR("key"), &v), 1);
	table_build_abort(b);
	struct table *t = table_open(path);
	assert_int_equal(table_get(t, STR("key"), &v), 1);
	assert_string_equal(v.p, "old");
	table_close(t);
	buf_free(&v);
}

/* Any changed byte of any page must give an error or the right answer, never another one. */
static void test_damage_is_noticed(void **state)
{
	struct buf v;
	struct stat st;
	unsigned noticed = 0;
	int null = open("/dev/null", O_WRONLY);
	log_open("table", LOG_TO_FD, null);
	buf_init(&v, 100);
	build(TABLE_BTREE, "precious");
	assert_int_equal(stat(path, &st), 0);
	for (off_t at = 30; at < st.st_size; at += 97) {
		unsigned char c, changed;
		int fd = open(path, O_RDWR);
		assert_int_equal(file_pread_all(fd, &c, 1, at), 0);
		changed = c ^ 0x41;
		assert_int_equal(pwrite(fd, &changed, 1, at), 1);
		struct table *t = table_open(path);
		int r = table_get(t, STR("key"), &v);
		assert_true(r == -1 || (r == 1 && strcmp(v.p, "precious") == 0));
		noticed += r == -1;
		if (r == -1)
			assert_int_equal(table_get(t, STR("key"), &v), -1);
		table_close(t);
		assert_int_equal(pwrite(fd, &c, 1, at), 1);
		close(fd);
	}
	assert_true(noticed > 10);
	close(null);
	buf_free(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_build_and_get),
	    cmocka_unit_test(test_reopens),
	    cmocka_unit_test(test_each),
	    cmocka_unit_test(test_abort_keeps_old),
	    cmocka_unit_test(test_damage_is_noticed),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
