/* libs/mime: transfer encodings, encoded words, parameters. */
#include "config.h"

#include "mime/mime.h"
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

static void check_decode(enum mime_cte cte, struct str in, struct str want, bool damaged)
{
	for (size_t step = 0; step < 6; step++) {
		struct mime_decoder d;
		struct buf out;
		buf_init(&out, 10000);
		mime_decoder_init(&d, cte);
		for (size_t at = 0; at < in.n; at += step ? step : in.n)
			assert_true(
			    mime_decode(&d, str_head(str_skip(in, at), step ? step : in.n), &out));
		assert_true(mime_decode_end(&d, &out));
		if (!str_eq(buf_str(&out), want))
			print_message("step %zu of '%.*s': '%s'\n", step, STR_FMT(in), out.p);
		assert_true(str_eq(buf_str(&out), want));
		assert_int_equal(d.damaged, damaged);
		buf_free(&out);
	}
}

static void test_qp_decode(void **state)
{
	check_decode(MIME_QP, STR(""), STR(""), false);
	check_decode(MIME_QP, STR("a=3Db=e4\r\n"), STR("a=b\xe4\r\n"), false);
	check_decode(MIME_QP, STR("soft=\r\nline=\nend"), STR("softlineend"), false);
	check_decode(MIME_QP, STR("soft= \t\r\nx = \ny"), STR("softx y"), false);
	check_decode(MIME_QP, STR("trail  \t\r\nnext \nlast  "), STR("trail\r\nnext\nlast"), false);
	check_decode(MIME_QP, STR("a=20\r\nb"), STR("a \r\nb"), false);
	check_decode(MIME_QP, STR("a=00"), STR("a\0"), false);
	check_decode(MIME_QP, STR("end="), STR("end"), false);
	check_decode(MIME_QP, STR("a=zb"), STR("a=zb"), true);
	check_decode(MIME_QP, STR("a=4zb"), STR("a=4zb"), true);
	check_decode(MIME_QP, STR("a==41"), STR("a=A"), true);
	check_decode(MIME_QP, STR("a=4"), STR("a=4"), true);
	check_decode(MIME_QP, STR("a= b"), STR("a= b"), true);
	check_decode(MIME_QP, STR("a=\rb"), STR("ab"), true);
	check_decode(MIME_QP, STR("\xe4"), STR("\xe4"), true);
}

static void test_b64_decode(void **state)
{
	check_decode(MIME_BASE64, STR("aGVsbG8="), STR("hello"), false);
	check_decode(MIME_BASE64, STR("aGVs\r\nbG8h\n"), STR("hello!"), false);
	check_decode(MIME_BASE64, STR("aA=="), STR("h"), false);
	check_decode(MIME_BASE64, STR("aGVsbG8"), STR("hello"), true);
	check_decode(MIME_BASE64, STR("aA"), STR("h"), true);
	check_decode(MIME_BASE64, STR("a"), STR(""), true);
	check_decode(MIME_BASE64, STR("aG!Vs"), STR("hel"), true);
	check_decode(MIME_BASE64, STR("aA==aA=="), STR("hh"), true);
	check_decode(MIME_BASE64, STR("===="), STR(""), false);
	check_decode(MIME_8BIT, STR("a=3D \n"), STR("a=3D \n"), false);
}

static void check_encode(enum mime_cte cte, struct str in, const char *want)
{
	for (size_t step = 0; step < 6; step++) {
		struct mime_encoder e;
		struct buf out;
		buf_init(&out, 10000);
		mime_encoder_init(&e, cte, "\r\n");
		for (size_t at = 0; at < in.n; at += step ? step : in.n)
			assert_true(
			    mime_encode(&e, str_head(str_skip(in, at), step ? step : in.n), &out));
		assert_true(mime_encode_end(&e, &out));
		assert_string_equal(out.p, want);
		buf_free(&out);
	}
}

#define X25 "xxxxxxxxxxxxxxxxxxxxxxxxx"

static void test_encode(void **state)
{
	check_encode(
	    MIME_QP, STR("a=b\xe4\nx \n\ty\t\r\nz "), "a=3Db=E4\r\nx=20\r\n\ty=09\r\nz=20");
	check_encode(MIME_QP, STR("a\rb\r\r\n\r"), "a=0Db=0D\r\n=0D");
	check_encode(MIME_QP, STR(X25 X25 X25 "y"), X25 X25 X25 "=\r\ny");
	check_encode(MIME_QP, STR(X25 X25 X25 "--"), X25 X25 X25 "=\r\n=2D-");
	check_encode(MIME_QP, STR(X25 X25 X25 "\n"), X25 X25 X25 "\r\n");
	check_encode(MIME_QP, STR(X25 X25 X25 " \n"), X25 X25 X25 "=\r\n=20\r\n");
	check_encode(MIME_BASE64, STR("hello"), "aGVsbG8=\r\n");
	check_encode(MIME_BASE64, STR(""), "");
	check_encode(MIME_BASE64, STR("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF"),
	    "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVpBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWkFCQ0RF\r\n"
	    "Rg==\r\n");
	check_encode(MIME_7BIT, STR("as \nis"), "as \nis");
}

/* Every byte goes through both encodings and comes back; no line is too long. */
static void test_round_trip(void **state)
{
	enum { N = 20000 };
	char in[N];
	uint32_t x = 1;
	for (size_t i = 0; i < N; i++) {
		x = x * 1664525 + 1013904223;
		in[i] = (char)(x >> 24);
		if (i % 3 == 0)
			in[i] = "ab \t.="[x >> 8 & 7 ? x % 6 : 0];
	}
	for (enum mime_cte cte = MIME_QP; cte <= MIME_BASE64; cte++) {
		struct mime_encoder e;
		struct buf out;
		buf_init(&out, 1 << 20);
		mime_encoder_init(&e, cte, "\n");
		for (size_t i = 0; i < N; i++) {
			char c = in[i] == '\n' ? 'n' : in[i];
			in[i] = c;
			mime_encode(&e, str_at(&c, 1), &out);
		}
		mime_encode_end(&e, &out);
		struct str rest = buf_str(&out), line;
		while (str_split(&rest, '\n', &line))
			assert_true(line.n <= 76);
		struct mime_decoder d;
		struct buf back;
		buf_init(&back, N);
		mime_decoder_init(&d, cte);
		assert_true(mime_decode(&d, buf_str(&out), &back) && mime_decode_end(&d, &back));
		assert_false(d.damaged);
		assert_int_equal(back.n, N);
		assert_memory_equal(back.p, in, N);
		buf_free(&back);
		buf_free(&out);
	}
}

static const struct {
	const char *in, *want;
} words[] = {
    {"plain", "plain"},
    {"", ""},
    {"=?utf-8?q?J=C3=B6rg_B?=", "J\xc3\xb6rg B"},
    {"=?ISO-8859-1?Q?J=F6rg?= Smith", "J\xc3\xb6rg Smith"},
    {"x =?iso-8859-1*de?b?Suw=?= y", "x J\xc3\xac y"},
    {"=?utf-8?q?a?= =?utf-8?q?b?=", "ab"},
    {"=?utf-8?q?a?=\t  =?iso-8859-15?q?=A4?= c", "a\xe2\x82\xac c"},
    {"=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"},
    {"=?utf-8?b?4oI=?= =?utf-8?b?rA==?=", "\xe2\x82\xac"}, /* a character cut in two */
    {"=?utf-8?q?=E2=82?=", "\xef\xbf\xbd\xef\xbf\xbd"},
    {"=?utf-8?q?a=0D=0ABcc:_x?=", "a  Bcc: x"},
    {"=?utf-8?q?a b?=", "=?utf-8?q?a b?="},
    {"=?utf-8?x?ab?=", "=?utf-8?x?ab?="},
    {"=?utf-8?q?ab", "=?utf-8?q?ab"},
    {"=?utf-8?q?ab?", "=?utf-8?q?ab?"},
    {"=?", "=?"},
    {"=??q?a?=", "=??q?a?="},
    {"=?=?utf-8?q?a?=", "=?a"},
    {"=?x-unknown?q?a?=", "=?x-unknown?q?a?="},
    {"=?x-unknown?q?a?= =?utf-8?q?b?=", "=?x-unknown?q?a?= b"},
    {"=?utf-8?q?\?=", ""},
    {"raw \xc3\xa4", "raw \xc3\xa4"},
    {"raw \xe4 x", "raw \xc3\xa4 x"},
    {"a=?utf-8?q?b?=c", "abc"},
    {"=?utf-8?q?=zz=4?=", "=zz=4"},
};

static void test_words(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		struct str s = mime_words_decode(*state, str_of(words[i].in));
		if (!str_is(s, words[i].want))
			print_message("case %zu: '%.*s'\n", i, STR_FMT(s));
		assert_true(str_is(s, words[i].want));
	}
}

static void test_words_iconv(void **state)
{
	struct str s = STR("=?koi8-r?B?8NLJ18XU?=");
	assert_true(str_eq(mime_words_decode(*state, s), s));
	charset_allow_iconv(true);
	assert_true(str_is(
	    mime_words_decode(*state, s), "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82"));
	assert_true(
	    str_is(mime_words_decode(*state,
		       STR("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?= =?iso-2022-jp?B?GyRCOGwbKEI=?=")),
		"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"));
	charset_allow_iconv(false);
}

static const struct {
	const char *in, *want;
	bool phrase;
	size_t column;
} encoded[] = {
    {"plain text", "plain text", false, 9},
    {"a.b c", "\"a.b c\"", true, 4},
    {"J\xc3\xb6rg B", "=?utf-8?q?J=C3=B6rg_B?=", true, 4},
    {"\xe6\x97\xa5\xe6\x9c\xac", "=?utf-8?b?5pel5pys?=", false, 9},
    {"=?x?q?y?=", "=?utf-8?b?PT94P3E/eT89?=", false, 9},
    {"a\nb", "=?utf-8?b?YQpi?=", false, 9},
    {"\xc3\xa4", "\n =?utf-8?b?w6Q=?=", false, 70},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xa4",
	"=?utf-8?q?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?=\n "
	"=?utf-8?q?aaaaaaaaaaaaaaaaaaaaaaa=C3=A4?=",
	false, 9},
};

static void test_words_encode(void **state)
{
	struct buf out;
	buf_init(&out, 10000);
	for (size_t i = 0; i < ARRAY_LEN(encoded); i++) {
		buf_clear(&out);
		assert_true(mime_words_encode(
		    &out, str_of(encoded[i].in), encoded[i].phrase, encoded[i].column, "\n"));
		assert_string_equal(out.p, encoded[i].want);
		if (str_starts(buf_str(&out), STR("=?")))
			assert_true(
			    strcmp(encoded[i].in, "a\nb") == 0 ||
			    str_is(mime_words_decode(*state, buf_str(&out)), encoded[i].in));
	}
	buf_free(&out);
}

static const struct {
	const char *in, *name, *want;
} params[] = {
    {"a/b; filename=x.txt", "filename", "x.txt"},
    {"a/b; FILENAME=\"x \\\"y\\\".txt\"", "filename", "x \"y\".txt"},
    {"a/b; filename*=utf-8'en'%e2%82%ac%20rates", "filename", "\xe2\x82\xac rates"},
    {"a/b; filename=plain; filename*=iso-8859-1''%a3", "filename", "\xc2\xa3"},
    {"a/b; n*0*=us-ascii'en'This%20is; n*1*=%20fun; n*2=\" isn't it\"", "n",
	"This is fun isn't it"},
    {"a/b; n*1=b; n*0=a; n*3=d", "n", "ab"},
    {"a/b; n*0*=utf-8''%c3; n*1*=%a4", "n", "\xc3\xa4"},
    {"a/b; n*=x-none''%41", "n", "A"},
    {"a/b; n*=nocharset", "n", "nocharset"},
    {"a/b; n*=%4", "n", "%4"},
    {"a/b; n*=utf-8''a%0D%0Ab%00", "n", "a  b "},
    {"a/b; n=\"=?utf-8?q?=C3=A4?=\"", "n", "\xc3\xa4"},
    {"a/b; n=\"\xe4\"", "n", "\xc3\xa4"},
    {"a/b; n=\"fold\r\n ed\"", "n", "fold ed"},
    {"a/b; n=\"\"", "n", ""},
};

static void test_params(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(params); i++) {
		struct mime_type t;
		assert_true(mime_type_parse(*state, str_of(params[i].in), 20, &t, NULL));
		struct str s = mime_param_value(*state, t.params, params[i].name);
		if (!str_is(s, params[i].want))
			print_message("case %zu: '%.*s'\n", i, STR_FMT(s));
		assert_true(s.p && str_is(s, params[i].want));
		assert_null(mime_param_value(*state, t.params, "other").p);
	}
}

static void test_param_limit(void **state)
{
	struct mime_type t;
	unsigned faults = 0;
	assert_true(mime_type_parse(*state, STR("a/b; c=1; d=2; e=3"), 2, &t, &faults));
	assert_int_equal(faults, MIME_FAULT_PARAMS);
	assert_true(str_is(mime_param_raw(t.params, "d"), "2"));
	assert_null(mime_param_raw(t.params, "e").p);
	assert_true(mime_disposition_parse(*state, STR("inline"), 2, &t, NULL));
	assert_true(str_is(t.type, "inline") && !t.params);
	assert_int_equal(mime_cte_parse(STR(" Base64 ")), MIME_BASE64);
	assert_int_equal(mime_cte_parse(STR("8bit;")), MIME_8BIT);
	assert_int_equal(mime_cte_parse(STR("7bit 8bit")), MIME_UNKNOWN);
	assert_int_equal(mime_cte_parse(STR("")), MIME_UNKNOWN);
}

static const struct {
	const char *in, *want; /* want NULL: unchanged */
} downgraded[] = {
    {"A: b\n\nplain\n", NULL},
    {"A: b\nContent-Transfer-Encoding: 8bit\n\nplain\n", NULL},
    {"A: b\nContent-Transfer-Encoding: 8bit\n\nl=\xc3\xa4\n",
	"A: b\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
	"Content-Transfer-Encoding: quoted-printable\nX-Mime-Autoconverted: from 8bit to "
	"quoted-printable by us\n\nl=3D=C3=A4\n"},
    {"A: b\r\n\r\n\xe4\r\n",
	"A: b\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
	"Content-Transfer-Encoding: quoted-printable\r\nX-Mime-Autoconverted: from 8bit "
	"to quoted-printable by us\r\n\r\n=E4\r\n"},
    {"Content-Type: image/x\nContent-Transfer-Encoding: binary\n\n\xff\xfe\xfd",
	"Content-Type: image/x\nMIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable\n"
	"X-Mime-Autoconverted: from binary to quoted-printable by us\n\n=FF=FE=FD"},
    {"Content-Transfer-Encoding: quoted-printable\n\n=C3\xa4\n",
	"Content-Transfer-Encoding: quoted-printable\n\n=C3=A4\n"},
    {"Content-Type: multipart/mixed; boundary=a\nContent-Transfer-Encoding: 8bit\n\npr\xe4\n--a\n\n"
     "x\n--a\nContent-Type: message/rfc822\n\nS: y\n\n\xe4\n--a--\nep\n",
	"Content-Type: multipart/mixed; boundary=a\nContent-Transfer-Encoding: 7bit\n\npr*\n--a\n\n"
	"x\n--a\nContent-Type: message/rfc822\n\nS: y\nContent-Transfer-Encoding: "
	"quoted-printable\nX-Mime-Autoconverted: from 8bit to quoted-printable by us\n\n=E4\n--a--"
	"\nep\n"},
};

static void test_to_7bit(void **state)
{
	struct buf out;
	buf_init(&out, 10000);
	for (size_t i = 0; i < ARRAY_LEN(downgraded); i++) {
		struct mime_result r;
		struct str in = str_of(downgraded[i].in);
		buf_clear(&out);
		assert_int_equal(mime_parse(*state, in, &mime_default_limits, &r), 0);
		assert_true(mime_convert_text(*state, in, r.root, MIME_TO_7BIT, "us", &out));
		assert_string_equal(out.p, downgraded[i].want ? downgraded[i].want : in.p);
		assert_int_equal(mime_parse(*state, buf_str(&out), &mime_default_limits, &r), 0);
		assert_false(r.faults & MIME_FAULT_BODY_8BIT);
	}
	struct mime_result r;
	struct buf small;
	buf_init(&small, 10);
	struct str in = STR("A: b\n\n\xe4\xe4\xe4\n");
	assert_int_equal(mime_parse(*state, in, &mime_default_limits, &r), 0);
	assert_false(mime_convert_text(*state, in, r.root, MIME_TO_7BIT, "us", &small));
	buf_free(&small);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_qp_decode),
	    cmocka_unit_test(test_b64_decode),
	    cmocka_unit_test(test_encode),
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test_setup_teardown(test_words, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_words_iconv, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_words_encode, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_params, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_param_limit, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_to_7bit, setup, teardown),
	};
	return cmocka_run_group_tests_name("mime text", tests, NULL, NULL);
}
