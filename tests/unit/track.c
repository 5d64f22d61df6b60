/* The delivery track: what is listed for how long, and what a restart knows of it. */
#include "config.h"

#include "courierd/track.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOW = 1800000000 / 3600 * 3600 + 100, HOUR = 3600 };

static char dir[64];
static struct buf heard; /* "LETTERaddress " for each change */

static void on_change(void *ctx UNUSED, struct str address, char letter)
{
	buf_addf(&heard, "%c%.*s ", letter ? letter : '-', STR_FMT(address));
}

static struct track *fresh(void)
{
	buf_clear(&heard);
	struct track *t = track_new(dir, on_change, NULL);
	assert_non_null(t);
	return t;
}

static char letter_of(const struct track *t, const char *address)
{
	struct str a;
	char letter;
	for (size_t at = 0; track_next(t, &at, &a, &letter);)
		if (str_is(a, address))
			return letter;
	return 0;
}

static void file_of(int64_t hour, char *out, size_t n)
{
	snprintf(out, n, "%s/%lld", dir, (long long)hour);
}

static bool holds(int64_t hour, const char *text)
{
	char path[128];
	struct buf b;
	file_of(hour, path, sizeof path);
	buf_init(&b, 65536);
	bool good = file_read(-1, path, &b) == 0 && str_is(buf_str(&b), text);
	buf_free(&b);
	return good;
}

static int set_up(void **state UNUSED)
{
	snprintf(dir, sizeof dir, "/tmp/courier-track-XXXXXX");
	buf_init(&heard, 65536);
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state UNUSED)
{
	char path[128];
	for (int64_t h = NOW / HOUR - 10; h < NOW / HOUR + 10; h++) {
		file_of(h, path, sizeof path);
		unlink(path);
	}
	buf_free(&heard);
	return rmdir(dir);
}

static void test_list(void **state UNUSED)
{
	struct track *t = fresh();
	track_add(t, STR("a@x"), 'D', NOW);
	track_add(t, STR("a@x"), 'D', NOW + 1);
	track_add(t, STR("a@x"), 'F', NOW + 2);
	track_add(t, STR("b@x"), 'F', NOW + 2);
	track_add(t, STR("evil\n1 Fc@x"), 'F', NOW + 2);
	track_add(t, STR(""), 'F', NOW + 2);
	assert_false(track_clear(t, STR("c@x"), 'S', NOW + 3));
	assert_true(track_clear(t, STR("b@x"), 'S', NOW + 3));
	assert_string_equal(heard.p, "Da@x Fa@x Fb@x -b@x ");
	assert_int_equal(letter_of(t, "a@x"), 'F');
	assert_int_equal(track_count(t), 1);
	track_turn(t, NOW + 3);
	char want[256];
	snprintf(want, sizeof want, "%d Da@x\n%d Da@x\n%d Fa@x\n%d Fb@x\n%d Sb@x\n", NOW, NOW + 1,
	    NOW + 2, NOW + 2, NOW + 3);
	assert_true(holds(NOW / HOUR, want));
	track_free(t);
}

static void test_age(void **state UNUSED)
{
	struct track *t = fresh();
	track_add(t, STR("a@x"), 'F', NOW);
	track_add(t, STR("b@x"), 'D', NOW + HOUR);
	track_turn(t, NOW + 2 * HOUR - 1);
	assert_int_equal(track_count(t), 2);
	track_turn(t, NOW + 2 * HOUR + 60);
	assert_int_equal(letter_of(t, "a@x"), 0);
	assert_int_equal(letter_of(t, "b@x"), 'D');
	assert_string_equal(heard.p, "Fa@x Db@x -a@x ");
	track_turn(t, NOW + 3 * HOUR + 60);
	assert_int_equal(track_count(t), 0);
	assert_false(holds(NOW / HOUR, "1800000000 Fa@x\n"));
	char path[128];
	file_of(NOW / HOUR, path, sizeof path);
	assert_int_equal(access(path, F_OK), -1);
	file_of(NOW / HOUR + 1, path, sizeof path);
	assert_int_equal(access(path, F_OK), 0);
	track_free(t);
}

static void test_restart(void **state UNUSED)
{
	struct track *t = fresh();
	track_add(t, STR("old@x"), 'F', NOW - 2 * HOUR);
	track_add(t, STR("@y"), 'B', NOW);
	track_add(t, STR("a@x"), 'D', NOW - HOUR);
	track_add(t, STR("b@x"), 'F', NOW - HOUR);
	track_add(t, STR("c@x"), 'F', NOW);
	track_clear(t, STR("c@x"), 'A', NOW);
	track_clear(t, STR("b@x"), 'S', NOW);
	track_add(t, STR("b@x"), 'D', NOW);
	track_free(t);
	char path[128];
	file_of(NOW / HOUR, path, sizeof path);
	FILE *f = fopen(path, "a");
	assert_non_null(f);
	fprintf(f, "%d vhost.of.another.letter\njunk\n\n%d Fcut@x", NOW, NOW);
	fclose(f);
	t = fresh();
	track_load(t, NOW);
	assert_int_equal(track_count(t), 3);
	assert_int_equal(letter_of(t, "@y"), 'B');
	assert_int_equal(letter_of(t, "a@x"), 'D');
	assert_int_equal(letter_of(t, "b@x"), 'D');
	assert_int_equal(heard.n, 0);
	track_clear_all(t, NOW);
	assert_int_equal(track_count(t), 0);
	track_free(t);
	t = fresh();
	track_load(t, NOW + 1);
	assert_int_equal(track_count(t), 0);
	track_free(t);
}

static void test_limit(void **state UNUSED)
{
	char address[32];
	struct track *t = track_new(NULL, NULL, NULL);
	assert_non_null(t);
	for (int i = 0; i < TRACK_MAX + 10; i++) {
		snprintf(address, sizeof address, "u%d@x", i);
		track_add(t, str_of(address), 'F', NOW);
	}
	assert_int_equal(track_count(t), TRACK_MAX);
	assert_true(track_clear(t, STR("u1@x"), 'S', NOW));
	track_add(t, STR("late@x"), 'F', NOW);
	assert_int_equal(letter_of(t, "late@x"), 'F');
	track_free(t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_list, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_age, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_restart, set_up, tear_down),
	    cmocka_unit_test(test_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
