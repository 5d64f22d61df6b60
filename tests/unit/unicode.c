/* libs/unicode. */
#include "config.h"

#include "unicode/unicode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static int setup(void **state)
{
	*state = arena_new(8 << 20);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static void test_utf8_all(void **state)
{
	struct buf b;
	buf_init(&b, 8);
	for (uint32_t cp = 0; cp < 0x110400; cp++) {
		uint32_t back = 1;
		bool good = cp <= 0x10ffff && (cp < 0xd800 || cp > 0xdfff);
		buf_clear(&b);
		assert_int_equal(utf8_add(&b, cp), good);
		if (good) {
			assert_int_equal(utf8_next(buf_str(&b), &back), b.n);
			assert_int_equal(back, cp);
		}
	}
	buf_free(&b);
}

static void test_utf8_bad(void **state)
{
	static const char *const bad[] = {"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xe0\x80\x80",
	    "\xe2\x82", "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
	    "\xff", "\xe2\x82\x41", "\xf0\x9f\x98"};
	uint32_t cp;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(utf8_next(str_of(bad[i]), &cp), 0);
		assert_false(utf8_valid(str_of(bad[i])));
	}
	assert_true(utf8_valid(STR("")));
	assert_true(utf8_valid(STR("a\0\xf0\x9f\x98\x80")));
	assert_int_equal(utf8_cut(STR("a\xe2\x82\xac"), 3), 1);
	assert_int_equal(utf8_cut(STR("a\xe2\x82\xac"), 4), 4);
	assert_int_equal(utf8_cut(STR("a\xe2\x82\xac"), 1), 1);
	assert_int_equal(utf8_cut(STR("\x80\x80\x80\x80\x80\x80"), 5), 5);
}

static const struct {
	const char *utf7, *utf8;
} names[] = {
    {"INBOX", "INBOX"},
    {"", ""},
    {"a&-b", "a&b"},
    {"~peter/mail/&U,BTFw-/&ZeVnLIqe-",
	"~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"},
    {"Entw&APw-rfe", "Entw\xc3\xbcrfe"},
    {"&2D3eAA-", "\xf0\x9f\x98\x80"},
    {"&AOQ-&-", "\xc3\xa4&"},
    {"&-&AOQ-", "&\xc3\xa4"},
};

static void test_utf7(void **state)
{
	struct buf b;
	buf_init(&b, 1000);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		buf_clear(&b);
		assert_true(utf7_imap_decode(str_of(names[i].utf7), &b));
		assert_string_equal(b.p, names[i].utf8);
		buf_clear(&b);
		assert_true(utf7_imap_encode(str_of(names[i].utf8), &b));
		assert_string_equal(b.p, names[i].utf7);
	}
	buf_free(&b);
}

static void test_utf7_bad(void **state)
{
	static const char *const bad[] = {"&", "a&b", "&AGE-", "&AOQ", "&AOQ-&APw-", "&AO-",
	    "&AOR-", "&2D0-", "&3gA-", "&2D0A5A-", "&A-", "&AAo-", "&AOQ/-", "\xc3\xa4", "a\nb",
	    "&AOQA-"};
	static const char *const bad8[] = {"a\nb", "\x7f", "\xff", "\xc3"};
	struct buf b;
	buf_init(&b, 1000);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		buf_clear(&b);
		if (utf7_imap_decode(str_of(bad[i]), &b))
			fail_msg("taken: %s", bad[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad8); i++)
		assert_false(utf7_imap_encode(str_of(bad8[i]), &b));
	struct buf small;
	buf_init(&small, 3);
	assert_false(utf7_imap_encode(STR("\xc3\xa4"), &small));
	buf_free(&small);
	buf_free(&b);
}

static void test_domains(void **state)
{
	struct arena *a = *state;
	assert_true(str_is(domain_ascii(a, STR("EXAMPLE.com")), "example.com"));
	assert_true(str_is(domain_ascii(a, STR("B\xc3\x9c"
					       "cher.Example")),
	    "xn--bcher-kva.example"));
	assert_true(str_is(domain_unicode(a, STR("XN--BCHER-KVA.example")), "b\xc3\xbc"
									    "cher.example"));
	assert_true(str_is(domain_unicode(a, STR("b\x75\xcc\x88"
						 "cher.de")),
	    "b\xc3\xbc"
	    "cher.de"));
	assert_true(
	    str_is(domain_ascii(a, STR("fa\xc3\x9f.de")), "xn--fa-hia.de")); /* not "fass" */
	assert_true(str_is(domain_canonical(a, STR("XN--BCHER-KVA.example")), "b\xc3\xbc"
									      "cher.example"));
	assert_true(str_is(domain_canonical(a, STR("[IPv6:FE80::1]")), "[ipv6:fe80::1]"));
	assert_true(
	    str_is(domain_canonical(a, STR("xn--zzzzzzzz99999.DE")), "xn--zzzzzzzz99999.de"));
	assert_true(str_is(domain_canonical(a, STR("\xff.DE")), "\xff.de"));
	/* an A-label that no text is written as: not decoded, since it would not come back */
	assert_null(domain_unicode(a, STR("xn--bchher-kvaEX-kvaE")).p);
	assert_true(
	    str_is(domain_canonical(a, STR("xn--bchher-kvaEX-kvaE")), "xn--bchher-kvaex-kvae"));
	assert_null(domain_ascii(a, STR("\xff.de")).p);
	assert_null(domain_ascii(a, STR("\xc3\xa4\0.de")).p);
	assert_true(str_is(domain_canonical(a, STR("")), ""));
	char *big = arena_alloc(a, 5000);
	memset(big, 'x', 5000);
	memcpy(big, "\xc3\xa4", 2);
	assert_null(domain_ascii(a, str_at(big, 5000)).p);
}

static bool folds_same(struct arena *a, const char *x, const char *y)
{
	return str_eq(unicode_casefold(a, str_of(x)), unicode_casefold(a, str_of(y)));
}

static void test_fold(void **state)
{
	struct arena *a = *state;
	assert_true(folds_same(a, "HeLLo", "hEllO"));
	assert_true(folds_same(a, "STRASSE",
	    "stra\xc3\x9f"
	    "e"));
	assert_true(folds_same(a,
	    "\xc3\x84"
	    "b",
	    "a\xcc\x88"
	    "B"));
	assert_false(folds_same(a, "\xc3\x84", "a"));
	assert_true(folds_same(a, "\xce\xa3", "\xcf\x82")); /* sigma, final sigma */
	assert_true(str_is(unicode_casefold(a, STR("\xff"
						   "A")),
	    "\xef\xbf\xbd"
	    "a"));
	assert_true(str_is(unicode_nfc(a, STR("a\xcc\x88")), "\xc3\xa4"));
	assert_null(unicode_nfc(a, STR("\xff")).p);
}

static const struct {
	const char *charset, *in, *want;
	bool damaged;
} texts[] = {
    {"utf-8", "a\xe2\x82\xac", "a\xe2\x82\xac", false},
    {"UTF8", "\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd", true},
    {"utf-8", "\xe2\x41\xff",
	"\xef\xbf\xbd"
	"A\xef\xbf\xbd",
	true},
    {"utf-8", "\xf0\x9f\x98\x80\xf0\x9f\x98",
	"\xf0\x9f\x98\x80\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", true},
    {"us-ascii", "a\xe4 \xc3\xa4", "a\xc3\xa4 \xc3\xa4", false},
    {"", "\x80\x81", "\xe2\x82\xac\xef\xbf\xbd", true},
    {"ISO-8859-1", "\xe4\x80", "\xc3\xa4\xe2\x82\xac", false},
    {"windows-1252", "\x93x\x94", "\xe2\x80\x9cx\xe2\x80\x9d", false},
    {"iso-8859-15", "\xa4\xe4", "\xe2\x82\xac\xc3\xa4", false},
    {"koi8-r", "\xf0\xd2", "\xd0\x9f\xd1\x80", false},
    {"gb18030", "a\x81\x30\x81\x30", "a\xc2\x80", false},
    {"euc-jp", "\xc6\xfc", "\xe6\x97\xa5", false},
    {"euc-jp", "\xc6", "\xef\xbf\xbd", true},
    {"iso-2022-jp", "\x1b$BF|\x1b(Bx", "\xe6\x97\xa5x", false},
};

static void test_charsets(void **state)
{
	charset_allow_iconv(true);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct str in = str_of(texts[i].in);
		for (size_t step = 0; step < 4; step++) {
			struct charset c;
			struct buf out;
			buf_init(&out, 1000);
			assert_true(charset_open(&c, str_of(texts[i].charset)));
			for (size_t at = 0; at < in.n; at += step ? step : in.n)
				charset_convert(
				    &c, str_head(str_skip(in, at), step ? step : in.n), &out);
			assert_true(charset_end(&c, &out));
			assert_string_equal(out.p, texts[i].want);
			assert_int_equal(c.damaged, texts[i].damaged);
			charset_close(&c);
			buf_free(&out);
		}
	}
	charset_allow_iconv(false);
}

static void test_charset_names(void **state)
{
	struct charset c;
	assert_false(charset_open(&c, STR("koi8-r"))); /* iconv is off */
	charset_allow_iconv(true);
	assert_false(charset_open(&c, STR("x-none")));
	assert_false(charset_open(&c, STR("koi8-r//TRANSLIT")));
	assert_false(charset_open(&c, STR("../../x")));
	assert_false(charset_open(&c, STR("koi8-r\0")));
	assert_false(charset_open(&c, STR("iso-2022-cn-ext")));
	assert_true(charset_open(&c, STR(" KOI8-R ")));
	charset_close(&c);
	charset_allow_iconv(false);
	assert_null(charset_to_utf8(*state, STR("koi8-r"), STR("x")).p);
	assert_true(str_is(charset_to_utf8(*state, STR("latin1"), STR("\xe4")), "\xc3\xa4"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_utf8_all),
	    cmocka_unit_test(test_utf8_bad),
	    cmocka_unit_test(test_utf7),
	    cmocka_unit_test(test_utf7_bad),
	    cmocka_unit_test_setup_teardown(test_domains, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_fold, setup, teardown),
	    cmocka_unit_test(test_charsets),
	    cmocka_unit_test_setup_teardown(test_charset_names, setup, teardown),
	};
	return cmocka_run_group_tests_name("unicode", tests, NULL, NULL);
}
