/* filters: requests and replies, letters and the ring of hashes, sums of recipients, what is known
 * of addresses (rows MTA-2001, MTA-2002, MTA-2005, MTA-2007, MTA-2010). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "filters/dupfilter-hash.h"
#include "filters/filter-control.h"
#include "filters/ratefilter-count.h"
#include "filters/verifyfilter-callout.h"
#include "filters/verifyfilter-cache.h"

/* ---- requests and replies -------------------------------------------------------------------- */

static enum filter_parse parse(struct arena *a, const char *text, struct filter_paths *p)
{
	const char *why;
	return filter_request_parse(a, str_of(text), p, &why);
}

static void test_request(void **state UNUSED)
{
	struct filter_paths p;
	struct arena *a = arena_new(FILTER_REQUEST_MAX);
	static const char whole[] = "/q/D1\n/q/C1\nq/C1.1\n\nand more";
	assert_int_equal(parse(a, whole, &p), FILTER_READY);
	assert_string_equal(p.data, "/q/D1");
	assert_int_equal(p.n, 2);
	assert_string_equal(p.controls[0], "/q/C1");
	assert_string_equal(p.controls[1], "q/C1.1");
	for (size_t n = 0; n < strlen("/q/D1\n/q/C1\nq/C1.1\n\n"); n++) {
		const char *why;
		assert_int_equal(filter_request_parse(a, str_at(whole, n), &p, &why), FILTER_MORE);
	}
	static const char *const bad[] = {"\n", "\n\n", "data\n\n", "\ncontrol\n\n"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(parse(a, bad[i], &p), FILTER_BAD);
	const char *why;
	assert_int_equal(filter_request_parse(a, STR("a\0b\nc\n\n"), &p, &why), FILTER_BAD);
	arena_free(a);
}

static void test_request_limits(void **state UNUSED)
{
	struct filter_paths p;
	struct arena *a = arena_new(4 * FILTER_REQUEST_MAX);
	struct buf in;
	const char *why;
	buf_init(&in, FILTER_REQUEST_MAX);
	for (int i = 0; i <= FILTER_PATH_MAX; i++)
		buf_addc(&in, 'x');
	assert_int_equal(filter_request_parse(a, buf_str(&in), &p, &why), FILTER_BAD);
	buf_clear(&in);
	for (int i = 0; i <= FILTER_CONTROLS_MAX; i++)
		buf_addz(&in, "c\n");
	buf_addz(&in, "\n");
	assert_int_equal(filter_request_parse(a, buf_str(&in), &p, &why), FILTER_READY);
	assert_int_equal(p.n, FILTER_CONTROLS_MAX);
	buf_clear(&in);
	for (int i = 0; i <= FILTER_CONTROLS_MAX + 1; i++)
		buf_addz(&in, "c\n");
	buf_addz(&in, "\n");
	assert_int_equal(filter_request_parse(a, buf_str(&in), &p, &why), FILTER_BAD);
	buf_free(&in);
	arena_free(a);
}

static const char *reply(unsigned code, const char *enhanced, const char *text)
{
	static char out[FILTER_REPLY_MAX];
	struct buf b;
	buf_init(&b, FILTER_REPLY_MAX);
	filter_reply_put(&b, code, str_of(enhanced), str_of(text));
	memcpy(out, b.p, b.n + 1);
	buf_free(&b);
	return out;
}

static void test_reply(void **state UNUSED)
{
	assert_string_equal(reply(200, "", "Ok."), "200 Ok.\n");
	assert_string_equal(reply(200, "", ""), "200 \n");
	assert_string_equal(reply(550, "5.7.1", "no\nnever"), "550-5.7.1 no\n550 5.7.1 never\n");
	assert_string_equal(reply(550, "", "a\rb\tc\nd"), "550-a b c\n550 d\n");
	assert_string_equal(reply(0, "", "yes"), "451 4.3.0 yes\n");
	assert_string_equal(reply(600, "2.0.0", "yes"), "451 4.3.0 yes\n");
	char many[2 * FILTER_REPLY_LINES_MAX + 20];
	memset(many, '\n', sizeof many);
	many[sizeof many - 1] = 0;
	size_t lines = 0;
	for (const char *p = reply(450, "", many); *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, FILTER_REPLY_LINES_MAX);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static void test_facts(void **state UNUSED)
{
	char one[] = "/tmp/filters-unit-1-XXXXXX", two[] = "/tmp/filters-unit-2-XXXXXX";
	close(mkstemp(one));
	close(mkstemp(two));
	write_file(one, "sa@b\ne\nt\niann\nM000000000000000A.000000000000000B.00000001\n"
			"rc@d\nR\nN\nulocal\no1001\n");
	write_file(two, "sother@b\ne\nt\nM000000000000000A.000000000000000B.00000001\n"
			"rc@d\nR\nN\nrd@d\nR\nN\nusmtp\no7\n");
	struct arena *a = arena_new(FILTER_REQUEST_MAX);
	struct filter_facts f;
	const char *controls[] = {one, two};
	struct filter_paths p = {.data = "none", .controls = controls, .n = 2};
	assert_int_equal(filter_facts_read(a, &p, &f), 0);
	assert_true(str_is(f.sender, "a@b") && str_is(f.login, "ann"));
	assert_true(str_is(f.source, "local"));
	assert_int_equal(f.uid, 1001);
	assert_int_equal(f.rcpts, 3);
	log_open("filters", LOG_TO_FD, open("/dev/null", O_WRONLY | O_CLOEXEC));
	write_file(two, "this is no control file\n");
	assert_int_equal(filter_facts_read(a, &p, &f), -1);
	unlink(two);
	assert_int_equal(filter_facts_read(a, &p, &f), -1);
	unlink(one);
	arena_free(a);
}

/* ---- dupfilter ------------------------------------------------------------------------------- */

static const char *letters(const char *message, size_t piece)
{
	static char out[1000];
	struct dup_letters l = {0};
	size_t n = 0;
	for (struct str rest = str_of(message); rest.n; rest = str_skip(rest, piece))
		n += dup_letters(&l, str_head(rest, piece), out + n);
	out[n] = 0;
	return out;
}

static void test_letters(void **state UNUSED) /* MTA-2001 */
{
	static const char message[] =
	    "Subject: Head\nX: y\n\nBuy NOW, only $9.99!\n\nCaf\xc3\xa9\n";
	for (size_t piece = 1; piece < sizeof message; piece++)
		assert_string_equal(letters(message, piece), "buynowonlycaf\xc3\xa9");
	assert_string_equal(letters("A: b\r\n\r\nx\r\n", 3), "x");
	assert_string_equal(letters("\nx", 1), "x");
	assert_string_equal(letters("only: a header", 4), "");
	assert_string_equal(letters("", 1), "");
}

static void hash(const char *text, size_t piece, unsigned char key, unsigned char out[DUP_HASH])
{
	unsigned char k[DUP_KEY];
	memset(k, key, sizeof k);
	struct dup_hasher *h = dup_hasher_new(k);
	assert_non_null(h);
	for (struct str rest = str_of(text); rest.n; rest = str_skip(rest, piece))
		assert_true(dup_hasher_add(h, str_head(rest, piece)));
	assert_true(dup_hasher_end(h, out));
	dup_hasher_free(h);
}

static void test_hash(void **state UNUSED)
{
	unsigned char a[DUP_HASH], b[DUP_HASH];
	hash("some letters", 100, 1, a);
	hash("some letters", 5, 1, b);
	assert_memory_equal(a, b, DUP_HASH);
	hash("some letterz", 100, 1, b);
	assert_memory_not_equal(a, b, DUP_HASH);
	hash("some letters", 100, 2, b); /* another process: another key */
	assert_memory_not_equal(a, b, DUP_HASH);
}

static size_t ring_add(struct dup_ring *r, unsigned char what)
{
	unsigned char h[DUP_HASH] = {what};
	return dup_ring_add(r, h);
}

static void test_ring(void **state UNUSED) /* MTA-2002 */
{
	struct dup_ring *r = dup_ring_new(3);
	assert_int_equal(ring_add(r, 1), 1);
	assert_int_equal(ring_add(r, 1), 2);
	assert_int_equal(ring_add(r, 2), 1);
	assert_int_equal(ring_add(r, 1), 2); /* the first one has just been forgotten */
	assert_int_equal(ring_add(r, 3), 1);
	assert_int_equal(ring_add(r, 3), 2);
	assert_int_equal(ring_add(r, 3), 3);
	assert_int_equal(ring_add(r, 1), 1);
	dup_ring_free(r);
	r = dup_ring_new(1);
	for (int i = 0; i < 5; i++)
		assert_int_equal(ring_add(r, 1), 1);
	dup_ring_free(r);
}

/* ---- ratefilter ------------------------------------------------------------------------------ */

static void test_rate(void **state UNUSED) /* MTA-2005 */
{
	struct rate *r = rate_new(60); /* pieces of 30 seconds */
	const struct str ann = STR("ann"), bob = STR("bob");
	assert_int_equal(rate_add(r, ann, 5, 3000), 5);
	assert_int_equal(rate_add(r, ann, 2, 3029), 7);
	assert_int_equal(rate_add(r, bob, 1, 3029), 1);
	assert_int_equal(rate_add(r, ann, 1, 3030), 8); /* the piece before counts */
	assert_int_equal(rate_add(r, ann, 1, 3060), 2); /* the one before that does not */
	assert_int_equal(rate_add(r, bob, 1, 3060), 1);
	assert_int_equal(rate_add(r, ann, 1, 3120), 1); /* nor anything behind a gap */
	assert_int_equal(rate_add(r, ann, 0, 3120), 1);
	assert_int_equal(rate_add(r, ann, 1, 1000), 2); /* a clock that was set back */
	assert_int_equal(rate_add(r, ann, 1, 3149), 3);
	rate_free(r);
}

static void test_rate_crowd(void **state UNUSED)
{
	struct rate *r = rate_new(60);
	char name[20];
	for (int i = 0; i < RATE_KEYS_MAX; i++) {
		int n = snprintf(name, sizeof name, "u%d", i);
		assert_int_equal(rate_add(r, str_at(name, (size_t)n), 1, 3000), 1);
	}
	assert_true(rate_add(r, STR("one more"), 1, 3000) == UINT64_MAX);
	assert_int_equal(rate_add(r, STR("u7"), 1, 3000), 2);
	assert_int_equal(rate_add(r, STR("one more"), 1, 3030), 1);
	rate_free(r);
}

/* ---- what is known of addresses -------------------------------------------------------------- */

static void test_line(void **state UNUSED)
{
	int64_t when;
	char letter;
	struct str address;
	assert_true(verify_line(STR("1795702733 Va@good.example"), &when, &letter, &address));
	assert_true(when == 1795702733 && letter == 'V' && str_is(address, "a@good.example"));
	assert_true(verify_line(STR("1 v\"a b\"@x"), &when, &letter, &address));
	assert_true(str_is(address, "\"a b\"@x"));
	static const char *const bad[] = {"", "1", "1 ", "1 V", "x Va@b", " Va@b", "1 1a@b"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(verify_line(str_of(bad[i]), &when, &letter, &address));
}

static void test_key(void **state UNUSED) /* MTA-2007 */
{
	static const char *const rows[][3] = {
	    {"list-12@Example.COM", "list@example.com", "list-12@example.com"},
	    {"list-foo-bar@example.com", "list@example.com", "list-foo-bar@example.com"},
	    {"Ann@example.com", "Ann@example.com", "Ann@example.com"},
	    {"-x@a-b.example", "-x@a-b.example", "-x@a-b.example"},
	    {"nodomain", "nodomain", "nodomain"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (int full = 0; full < 2; full++) {
			struct buf out;
			buf_init(&out, 100);
			assert_true(verify_key(str_of(rows[i][0]), !full, &out));
			assert_string_equal(out.p, rows[i][1 + full]);
			buf_free(&out);
		}
}

static void remove_folder(const char *dir, int64_t from, int64_t to)
{
	char path[200];
	for (int64_t hour = from; hour <= to; hour++) {
		snprintf(path, sizeof path, "%s/%lld", dir, (long long)hour);
		unlink(path);
	}
	assert_int_equal(rmdir(dir), 0);
}

static void test_cache(void **state UNUSED) /* MTA-2010 */
{
	enum { HOUR = 3600 };
	const struct str list = STR("list-1@x.example"), bad = STR("no-1@x.example");
	char dir[] = "/tmp/filters-unit-XXXXXX";
	assert_non_null(mkdtemp(dir));
	struct verify_cache *c = verify_cache_new(dir, true, 1000 * HOUR);
	verify_cache_put(c, list, 'V', 1000 * HOUR);
	verify_cache_put(c, bad, 'v', 1000 * HOUR + 1);
	assert_int_equal(verify_cache_find(c, STR("list-2@X.example"), 1000 * HOUR + 2), 'V');
	assert_int_equal(verify_cache_find(c, STR("other@x.example"), 1000 * HOUR + 2), 0);
	assert_int_equal(verify_cache_find(c, bad, 1000 * HOUR + 2), 'v');
	assert_int_equal(verify_cache_find(c, STR("no-2@x.example"), 1000 * HOUR + 2), 0);
	verify_cache_free(c);
	/* two hours and 59 minutes later, by another process */
	c = verify_cache_new(dir, true, 1003 * HOUR - 60);
	assert_int_equal(verify_cache_find(c, bad, 1003 * HOUR - 60), 'v');
	assert_int_equal(verify_cache_find(c, list, 1003 * HOUR - 60), 'V');
	/* three hours: what was met in between is known, the rest is not */
	assert_int_equal(verify_cache_find(c, bad, 1003 * HOUR), 0);
	assert_int_equal(verify_cache_find(c, list, 1004 * HOUR), 'V');
	assert_int_equal(verify_cache_find(c, list, 1009 * HOUR), 0);
	verify_cache_free(c);
	remove_folder(dir, 995, 1010);
}

static void test_cache_files(void **state UNUSED)
{
	enum { HOUR = 3600 };
	char dir[] = "/tmp/filters-unit-XXXXXX", path[100];
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/1000", dir);
	write_file(path, "3600000 Fa@x\nrubbish\n3600001 Vgood@x\n3600002 vgood2@x\n"
			 "3600003 Vgood2@x\n7200 Vold@x\n3600004 Vtorn@x");
	struct verify_cache *c = verify_cache_new(dir, false, 1000 * HOUR);
	assert_int_equal(verify_cache_find(c, STR("a@x"), 1000 * HOUR), 0);
	assert_int_equal(verify_cache_find(c, STR("good@x"), 1000 * HOUR), 'V');
	assert_int_equal(verify_cache_find(c, STR("good2@x"), 1000 * HOUR), 'V');
	assert_int_equal(verify_cache_find(c, STR("old@x"), 1000 * HOUR), 0);
	verify_cache_put(c, STR("with\nnewline@x"), 'V', 1000 * HOUR);
	assert_int_equal(verify_cache_find(c, STR("with\nnewline@x"), 1000 * HOUR), 0);
	verify_cache_free(c);
	remove_folder(dir, 1000, 1000);
}

static void test_domain(void **state UNUSED)
{
	static const char *const good[][2] = {{"a@b.example", "b.example"},
	    {"\"a b\"@c.example", "c.example"}, {"a@[192.0.2.1]", "[192.0.2.1]"},
	    {"j\xc3\xbc@b\xc3\xbc.example", "b\xc3\xbc.example"}};
	static const char *const bad[] = {
	    "", "a", "a@", "@b", "a b@c", "a@b>", "a\n@b", "a@b\r\nRSET", "a@b c", "<a@b>"};
	struct arena *a = arena_new(64 * 1024);
	struct str domain;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_true(callout_domain(a, str_of(good[i][0]), &domain));
		assert_true(str_is(domain, good[i][1]));
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (callout_domain(a, str_of(bad[i]), &domain))
			fail_msg("'%s' passed", bad[i]);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_request),
	    cmocka_unit_test(test_request_limits),
	    cmocka_unit_test(test_reply),
	    cmocka_unit_test(test_facts),
	    cmocka_unit_test(test_letters),
	    cmocka_unit_test(test_hash),
	    cmocka_unit_test(test_ring),
	    cmocka_unit_test(test_rate),
	    cmocka_unit_test(test_rate_crowd),
	    cmocka_unit_test(test_line),
	    cmocka_unit_test(test_key),
	    cmocka_unit_test(test_cache),
	    cmocka_unit_test(test_cache_files),
	    cmocka_unit_test(test_domain),
	};
	return cmocka_run_group_tests_name("filters", tests, NULL, NULL);
}
