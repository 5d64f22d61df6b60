/*
 * MTA-STS (RFC 8461): records, policies, cached ones, decisions.
 * MTA-0928 MTA-2208
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "sts/cache.h"
#include "sts/no-tls.h"

/* ---- records --------------------------------------------------------------------------------- */

static void records(void **state UNUSED)
{
	static const struct {
		const char *txt, *id; /* NULL: not valid */
	} rows[] = {
	    {"v=STSv1; id=20160831085700Z;", "20160831085700Z"},
	    {"v=STSv1;id=1", "1"},
	    {"v=STSv1 ; id=1 ; ", "1"},
	    {"v=STSv1; a.b_c-d=x!y; id=A9", "A9"},
	    {"v=STSv1; id=1; id=2", "1"},
	    {"v=STSv1; id=12345678901234567890123456789012", "12345678901234567890123456789012"},
	    {"v=STSv1; id=123456789012345678901234567890123", NULL},
	    {"v=STSv1; id=", NULL},
	    {"v=STSv1; id=a-b", NULL},
	    {"v=STSv1;", NULL},
	    {"v=STSv1; ; id=1", NULL},
	    {"v=STSv1; foo=bar", NULL},
	    {"v=STSv1; foo; id=1", NULL},
	    {"v=STSv1; foo=a=b; id=1", NULL},
	    {"v=STSv1; ID=1", NULL},
	    {"v=stsv1; id=1", NULL},
	    {"v=STSv10; id=1", NULL},
	    {"v=STSv1", NULL},
	    {" v=STSv1; id=1", NULL},
	    {"v=spf1 -all", NULL},
	    {"", NULL},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sts_record r = {0};
		sts_record_add(&r, str_of("v=spf1 -all")); /* does not count */
		sts_record_add(&r, str_of(rows[i].txt));
		bool good = sts_record_valid(&r);
		if (good != (rows[i].id != NULL))
			fail_msg("record '%s'", rows[i].txt);
		if (good)
			assert_string_equal(r.id, rows[i].id);
		/* two are none, whatever they say */
		sts_record_add(&r, str_of("v=STSv1; id=2"));
		assert_int_equal(sts_record_valid(&r), r.n == 1);
	}
}

/* ---- policies -------------------------------------------------------------------------------- */

static void policies(void **state UNUSED)
{
	static const struct {
		const char *text;
		bool good;
		enum sts_mode mode;
		uint32_t age;
		size_t n;
	} rows[] = {
	    {"version: STSv1\nmode: enforce\nmx: a.example\nmx: *.b.example\nmax_age: 86400\n",
		true, STS_ENFORCE, 86400, 2},
	    {"version: STSv1\r\nmode: testing\r\nmx: a.example\r\nmax_age: 1\r\n", true,
		STS_TESTING, 1, 1},
	    {"mode:none\nmax_age:99999999\nversion:STSv1", true, STS_NONE, STS_AGE_MAX, 0},
	    {"version: STSv1\nmode: none\nmode: enforce\nmax_age: 5\nmax_age: x\n", true, STS_NONE,
		5, 0},
	    {"version: STSv1\nmode: none\nmax_age: 5\nnew_thing: 1\n\n", true, STS_NONE, 5, 0},
	    {"mode: enforce\nmx: a.example\nmax_age: 1\n", false, STS_NONE, 0, 0},
	    {"version: STSv2\nmode: enforce\nmx: a.example\nmax_age: 1\n", false, STS_NONE, 0, 0},
	    {"version: STSv1\nmode: Enforce\nmx: a.example\nmax_age: 1\n", false, STS_NONE, 0, 0},
	    {"version: STSv1\nmode: enforce\nmx: a.example\n", false, STS_NONE, 0, 0},
	    {"version: STSv1\nmx: a.example\nmax_age: 1\n", false, STS_NONE, 0, 0},
	    {"version: STSv1\nmode: enforce\nmax_age: 1\n", false, STS_NONE, 0, 0},
	    {"version: STSv1\nmode: enforce\nmx: *\nmax_age: 1\n", false, STS_NONE, 0, 0},
	    {"version: STSv1\nmode: enforce\nmx: a.*.b\nmax_age: 1\n", false, STS_NONE, 0, 0},
	    {"version: STSv1\nmode: enforce\nmx: a..b\nmax_age: 1\n", false, STS_NONE, 0, 0},
	    {"version: STSv1\nmode: enforce\nmx: a b\nmax_age: 1\n", false, STS_NONE, 0, 0},
	    {"version: STSv1\nmode: enforce\nmx: a\nmax_age: -1\n", false, STS_NONE, 0, 0},
	    {"version: STSv1\nmode: enforce\nmx: a\nmax_age: 12345678901\n", false, STS_NONE, 0, 0},
	    {"version: STSv1\nmode: enforce\nmx: a\nmax_age: 1\n<html>\n", false, STS_NONE, 0, 0},
	    {"<html>not found</html>", false, STS_NONE, 0, 0},
	    {"", false, STS_NONE, 0, 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sts_policy p;
		const char *why = sts_policy_parse(str_of(rows[i].text), &p);
		if (!why != rows[i].good)
			fail_msg("policy %zu: %s", i, why ? why : "taken");
		if (why)
			continue;
		assert_int_equal(p.mode, rows[i].mode);
		assert_int_equal(p.max_age, rows[i].age);
		assert_int_equal(p.n_mx, rows[i].n);
	}
}

static void policies_too_large(void **state UNUSED)
{
	struct sts_policy p;
	struct buf b;
	buf_init(&b, 2 * STS_POLICY_MAX);
	buf_addz(&b, "version: STSv1\nmode: enforce\nmax_age: 1\n");
	for (int i = 0; i < STS_MX_MAX; i++)
		buf_addz(&b, "mx: a.example\n");
	assert_null(sts_policy_parse(buf_str(&b), &p));
	buf_addz(&b, "mx: a.example\n");
	assert_non_null(sts_policy_parse(buf_str(&b), &p));
	while (b.n <= STS_POLICY_MAX)
		buf_addz(&b, "extension: text\n");
	assert_non_null(sts_policy_parse(buf_str(&b), &p));
	buf_free(&b);
}

static void hosts(void **state UNUSED)
{
	static const char text[] =
	    "version: STSv1\nmode: enforce\nmx: Mail.Example.com\nmx: *.b.example\nmax_age: 1\n";
	static const struct {
		const char *host;
		bool yes;
	} rows[] = {{"mail.example.com", true}, {"MAIL.example.COM.", true}, {"x.b.example", true},
	    {"b.example", false}, {"y.x.b.example", false}, {".b.example", false},
	    {"xb.example", false}, {"mail.example.com.evil.example", false}, {"example.com", false},
	    {"", false}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (sts_text_allows(str_of(text), str_of(rows[i].host)) != rows[i].yes)
			fail_msg("host '%s'", rows[i].host);
	assert_false(sts_text_allows(STR("nonsense"), STR("mail.example.com")));
}

static void media_types(void **state UNUSED)
{
	assert_true(sts_is_text_plain(STR("text/plain")));
	assert_true(sts_is_text_plain(STR("Text/Plain ; charset=utf-8")));
	assert_false(sts_is_text_plain(STR("text/html")));
	assert_false(sts_is_text_plain(STR("text/plainer")));
	assert_false(sts_is_text_plain(STR_NONE));
}

/* ---- cached ---------------------------------------------------------------------------------- */

#define POLICY "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 1000\n"

static void entries(void **state UNUSED)
{
	static const char *const bad[] = {"", "courier-sts 2\nid 1\nfetched 5\n\n" POLICY,
	    "courier-sts 1\nid 1\n\n" POLICY, "courier-sts 1\nfetched 5\n\n" POLICY,
	    "courier-sts 1\nid 1\nfetched 5\n\n", "courier-sts 1\nid 1\nfetched -5\n\n" POLICY,
	    "courier-sts 1\nid a-b\nfetched 5\n\n" POLICY,
	    "courier-sts 1\nid 1\nfetched 5\noverride maybe\n\n" POLICY,
	    "courier-sts 1\nid 1\nfetched 5\nmore 1\n\n" POLICY};
	struct sts_entry e;
	struct buf b;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(sts_entry_parse(str_of(bad[i]), &e));
	assert_true(sts_entry_parse(STR("courier-sts 1\nid x1\nfetched 5000\n\n" POLICY), &e));
	assert_true(str_is(e.id, "x1") && str_is(e.text, POLICY));
	assert_int_equal(sts_entry_mode(&e), STS_ENFORCE);
	assert_true(sts_entry_live(&e, 5999) && !sts_entry_live(&e, 6000));
	assert_false(sts_entry_live(&e, 5000 - 2 * 86400)); /* the clock was set back */
	assert_true(!sts_entry_stale(&e, 5499, 86400) && sts_entry_stale(&e, 5500, 86400));
	e.overridden = true;
	e.override = STS_TESTING;
	buf_init(&b, STS_ENTRY_MAX);
	assert_true(sts_entry_print(&e, &b));
	assert_string_equal(b.p, "courier-sts 1\nid x1\nfetched 5000\noverride testing\n\n" POLICY);
	assert_true(sts_entry_parse(buf_str(&b), &e));
	assert_int_equal(sts_entry_mode(&e), STS_TESTING);
	buf_free(&b);
}

static void names_of_files(void **state UNUSED)
{
	static const char *const bad[] = {
	    "", ".", "..", "a..b", "../x", "a/b", "A.example", ".size", "a.", "b\xc3\xbc"};
	assert_true(sts_domain_ok(STR("a-1_b.example")));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(sts_domain_ok(str_of(bad[i])));
}

static void put(int dir, const char *domain, int64_t used)
{
	struct sts_entry e = {.id = STR("1"), .text = STR(POLICY), .fetched = 5000};
	struct timespec t[2] = {{.tv_sec = used}, {.tv_sec = used}};
	assert_int_equal(sts_cache_write(dir, str_of(domain), &e), 0);
	assert_int_equal(utimensat(dir, domain, t, 0), 0);
}

/* MTA-0929: up to twice the size, then the oldest go */
static void cache(void **state UNUSED)
{
	char path[] = "/tmp/sts-unit.XXXXXX", name[32];
	struct sts_cached c;
	assert_non_null(mkdtemp(path));
	int dir = open(path, O_RDONLY | O_DIRECTORY);
	assert_int_equal(sts_cache_size(dir), STS_CACHE_DEFAULT);
	assert_int_equal(sts_cache_set_size(dir, 3), 0);
	assert_int_equal(sts_cache_size(dir), 3);
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof name, "d%d.example", i);
		put(dir, name, 1000 + (i * 7) % 6); /* d0, d1, ... are older first */
	}
	assert_int_equal(sts_cache_expire(dir, 3, false), 0);
	put(dir, "new.example", 2000);
	assert_int_equal(sts_cache_expire(dir, 3, false), 4);
	sts_cached_init(&c);
	assert_int_equal(sts_cache_read(dir, STR("d3.example"), &c), 0);
	assert_int_equal(sts_cache_read(dir, STR("d4.example"), &c), 1);
	assert_int_equal(c.used, 1004);
	assert_true(str_is(c.entry.text, POLICY));
	assert_int_equal(sts_cache_read(dir, STR("new.example"), &c), 1);
	/* a file of nonsense is none; so is a link to somewhere */
	assert_int_equal(file_replace(dir, "bad.example", "x", 1, 0644), 0);
	assert_int_equal(sts_cache_read(dir, STR("bad.example"), &c), 0);
	assert_int_equal(symlinkat("new.example", dir, "link.example"), 0);
	assert_int_not_equal(sts_cache_read(dir, STR("link.example"), &c), 1);
	assert_int_equal(sts_cache_read(dir, STR("../etc/passwd"), &c), 0);
	/* what a crash has left goes after a day, what is being written stays */
	struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	assert_int_equal(file_replace(dir, ".a.example.abcdefghijkl", "x", 1, 0644), 0);
	assert_int_equal(file_replace(dir, ".b.example.abcdefghijkl", "x", 1, 0644), 0);
	assert_int_equal(utimensat(dir, ".a.example.abcdefghijkl", old, 0), 0);
	assert_int_equal(utimensat(dir, ".size", old, 0), 0);
	sts_cache_sweep(dir);
	assert_int_equal(faccessat(dir, ".a.example.abcdefghijkl", F_OK, 0), -1);
	assert_int_equal(unlinkat(dir, ".b.example.abcdefghijkl", 0), 0);
	assert_int_equal(sts_cache_size(dir), 3);
	assert_int_equal(sts_cache_expire(dir, 0, true), 5);
	sts_cached_free(&c);
	unlinkat(dir, ".size", 0);
	close(dir);
	assert_int_equal(rmdir(path), 0);
}

/* ---- decisions ------------------------------------------------------------------------------- */

static void decisions(void **state UNUSED)
{
	static const struct {
		struct sts_facts f;
		enum sts_step step;
	} rows[] = {
	    {{.record = false}, STS_NO_POLICY},
	    {{.record = true}, STS_FETCH},
	    {{.record = true, .cached = true, .same_id = true}, STS_USE_CACHE},
	    {{.record = true, .cached = true}, STS_FETCH},
	    {{.record = true, .cached = true, .same_id = true, .refresh = true}, STS_FETCH},
	    {{.record = true, .cached = true, .failed = true}, STS_USE_CACHE},
	    {{.record = true, .failed = true}, STS_NO_POLICY},
	    {{.cached = true}, STS_USE_CACHE},
	    {{.unsure = true, .cached = true}, STS_USE_CACHE},
	    {{.cached = true, .refresh = true}, STS_USE_CACHE},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (sts_decide(&rows[i].f) != rows[i].step)
			fail_msg("decision %zu", i);
}

static void upkeep(void **state UNUSED)
{
	enum { DAY = 86400, T = 100 * DAY };
	struct sts_entry e = {.fetched = T, .policy.max_age = 60 * DAY};
	assert_int_equal(sts_upkeep(&e, T, T + DAY - 1, DAY), STS_LEAVE);
	assert_int_equal(sts_upkeep(&e, T, T + 5, 5), STS_REFRESH);
	assert_int_equal(sts_upkeep(&e, T, T + 4, 5), STS_LEAVE);
	assert_int_equal(sts_upkeep(&e, T, T + DAY, DAY), STS_REFRESH);
	assert_int_equal(sts_upkeep(&e, T, T + 30 * DAY, DAY), STS_REFRESH);
	assert_int_equal(
	    sts_upkeep(&e, T, T + 30 * DAY + 1, DAY), STS_LEAVE); /* nobody writes there */
	assert_int_equal(sts_upkeep(&e, T + 59 * DAY, T + 60 * DAY, DAY), STS_REFRESH);
	assert_int_equal(sts_upkeep(&e, T + 59 * DAY, T + 61 * DAY, DAY), STS_REMOVE);
	e.policy.max_age = 3600; /* short ones are looked at sooner */
	assert_int_equal(sts_upkeep(&e, T, T + 1799, DAY), STS_LEAVE);
	assert_int_equal(sts_upkeep(&e, T, T + 1800, DAY), STS_REFRESH);
}

static void hosts_without_tls(void **state UNUSED)
{
	struct no_tls *n = no_tls_new();
	int64_t now = clock_now();
	char name[32];
	assert_non_null(n);
	for (int i = 0; i < NO_TLS_HOSTS_MAX; i++) {
		snprintf(name, sizeof name, "h%d.example", i);
		assert_true(no_tls_add(n, str_of(name), i < 10 ? now + 1000 : now - 1));
	}
	/* what is over makes room, what is not stays */
	assert_true(no_tls_add(n, STR("new.example"), now + 1000));
	assert_true(no_tls_has(n, STR("new.example"), now));
	assert_true(no_tls_has(n, STR("h9.example"), now));
	assert_false(no_tls_has(n, STR("h10.example"), now - 2));
	for (int i = 11; i < NO_TLS_HOSTS_MAX; i++) {
		snprintf(name, sizeof name, "l%d.example", i);
		assert_true(no_tls_add(n, str_of(name), now + 1000));
	}
	assert_false(no_tls_add(n, STR("more.example"), now + 1000));
	no_tls_free(n);
	/* T36: the clock was set back; in clear for years it does not go. */
	n = no_tls_new();
	no_tls_read(n, STR("2095379000 far.example\n"));
	assert_true(no_tls_has(n, STR("far.example"), 2095372000));
	assert_false(no_tls_has(n, STR("far.example"), 1779753600));
	assert_false(no_tls_has(n, STR("far.example"), 2095372000));
	no_tls_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(records),
	    cmocka_unit_test(policies),
	    cmocka_unit_test(policies_too_large),
	    cmocka_unit_test(hosts),
	    cmocka_unit_test(media_types),
	    cmocka_unit_test(entries),
	    cmocka_unit_test(names_of_files),
	    cmocka_unit_test(cache),
	    cmocka_unit_test(decisions),
	    cmocka_unit_test(upkeep),
	    cmocka_unit_test(hosts_without_tls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
