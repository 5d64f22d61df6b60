/* libs/config: the grammar, the types, snapshots and virtual hosts. */
#include "config.h"

#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static const struct config_setting settings[] = {
    {.name = "TEXT", .type = CONFIG_STRING, .def = "none"},
    {.name = "FLAG", .type = CONFIG_BOOL, .def = "0"},
    {.name = "COUNT", .type = CONFIG_INT, .def = "5", .min = 1, .max = 100},
    {.name = "WAIT", .type = CONFIG_TIME, .def = "1h"},
    {.name = "LIMIT", .type = CONFIG_SIZE, .def = "10M"},
    {.name = "WORDS", .type = CONFIG_LIST},
    {.name = "queuetime", .type = CONFIG_TIME, .def = "1w", .file = "queuetime"},
    {.name = "locals", .type = CONFIG_LIST, .file = "locals"},
};
static const struct config_component component = {
    .name = "toy", .file = "toyrc", .settings = settings, .n = ARRAY_LEN(settings)};
static const struct config_component *const components[] = {&component};

static char dir[32];
static struct instance in;

static int setup(void **state)
{
	snprintf(dir, sizeof dir, "/tmp/courier-config-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	in.etc = in.var = dir;
	return 0;
}

static void put(const char *name, const char *text)
{
	char path[100];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	assert_int_equal(file_replace(-1, path, text, strlen(text), 0600), 0);
}

static int teardown(void **state)
{
	static const char *const files[] = {"toyrc", "more", "queuetime", "locals",
	    "queuetime.example.com", "queuetime.bak", "vhost.example.com", "locals.example.com"};
	char path[100];
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof path, "%s/%s", dir, files[i]);
		unlink(path);
	}
	return rmdir(dir);
}

static struct config *load(const char *text, struct config_faults *f)
{
	put("toyrc", text);
	config_faults_init(f);
	return config_load(&in, components, 1, f);
}

static void test_values(void **state)
{
	struct config_faults f;
	put("more", "WAIT=1m30\n");
	put("queuetime", "2d\n");
	put("queuetime.example.com", "3d\n");
	put("queuetime.bak", "junk\n"); /* no vhost.bak: somebody's copy */
	put("vhost.example.com", "");
	put("locals.example.com", "its.own\n");
	put("locals", "# ours\nlocalhost\n\n example.com \n");
	struct config *c =
	    load("##VERSION: x\n\nTEXT=\"a ${FLAG:-b}$COUNT \\\"q\\\"\"\nFLAG=1 # yes\n"
		 "WORDS='one,two\n three'\n. more\nexport LIMIT=3k;\n",
		&f);
	assert_non_null(c);
	assert_string_equal(config_z(c, "toy", "TEXT", NULL), "a 05 \"q\"");
	assert_true(config_bool(c, "toy", "FLAG", NULL));
	assert_int_equal(config_int(c, "toy", "WAIT", NULL), 90);
	assert_int_equal(config_int(c, "toy", "LIMIT", NULL), 3072);
	assert_int_equal(config_int(c, "toy", "COUNT", NULL), 5);
	assert_false(config_is_set(c, "toy", "COUNT"));
	assert_int_equal(config_int(c, "toy", "queuetime", NULL), 2 * 86400);
	assert_int_equal(config_int(c, "toy", "queuetime", "example.com"), 3 * 86400);
	assert_int_equal(config_int(c, "toy", "queuetime", "example.org"), 2 * 86400);
	size_t at = 0, n = 0;
	struct str item;
	static const char *const words[] = {"one", "two", "three"}, *const locals[] = {
									"localhost", "example.com"};
	for (; config_each(c, "toy", "WORDS", &at, &item); n++)
		assert_true(str_is(item, words[n]));
	assert_int_equal(n, 3);
	for (at = n = 0; config_each(c, "toy", "locals", &at, &item); n++)
		assert_true(str_is(item, locals[n]));
	assert_int_equal(n, 2);
	at = 0;
	assert_true(config_each_of(c, "toy", "locals", "example.com", &at, &item) &&
		    str_is(item, "its.own"));
	assert_false(config_each_of(c, "toy", "locals", "example.com", &at, &item));
	at = 0;
	assert_true(config_each_of(c, "toy", "locals", "example.org", &at, &item) &&
		    str_is(item, locals[0]));
	assert_true(config_vhost_known(c, &component, "example.com"));
	assert_false(config_vhost_known(c, &component, "bak"));
	assert_false(config_vhost_known(c, &component, ""));
	assert_int_equal(f.errors, 0);
	config_drop(c);
	config_faults_free(&f);
}

static void refused(const char *text, const char *says)
{
	struct config_faults f;
	assert_null(load(text, &f));
	if (!strstr(f.text.p, says))
		fail_msg("'%s' gives '%s', without '%s'", text, f.text.p, says);
	config_faults_free(&f);
}

static void test_faults(void **state)
{
	refused("\nCOUNT=x\n", "toyrc:2: COUNT must be a number");
	refused("COUNT=101\n", "outside its range");
	refused("FLAG=maybe\n", "0 or 1");
	refused("WAIT=1y\n", "a time like");
	refused("TEXT=`id`\n", "toyrc:1: a shell command");
	refused("TEXT=\"`id`\"\n", "not run here");
	refused("TEXT=$(id)\n", "names no variable");
	refused("TEXT=a b\n", "text after the value");
	refused("TEXT='open\n", "not closed");
	refused("if true; then\n", "neither NAME=value");
	refused(". nowhere\n", "cannot read");
	refused(". toyrc\n", "include each other");
	struct config_faults f;
	struct config *c = load("OTHER=1\n", &f);
	assert_non_null(c);
	assert_int_equal(f.warnings, 1);
	config_drop(c);
	config_faults_free(&f);
}

static void test_times(void **state)
{
	int64_t v;
	/* MTA-0201 */
	assert_true(config_parse_time(STR("1w2d3h4m5s"), &v) && v == 788645);
	assert_true(config_parse_time(STR("0"), &v) && v == 0);
	assert_false(config_parse_time(STR("d"), &v));
	assert_false(config_parse_time(STR("99999999999999999999"), &v));
	assert_false(config_parse_time(STR("9223372036854775807w"), &v));
	assert_true(config_parse_size(STR("2g"), &v) && v == 2147483648);
	assert_false(config_parse_size(STR("9007199254740993g"), &v));
	assert_false(config_parse_size(STR(""), &v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_values, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
	    cmocka_unit_test(test_times),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
