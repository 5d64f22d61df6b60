/* Parameters and values of the extensions: MTA-1001, MTA-1005, MTA-1008, MTA-1011, MTA-1012,
 * MTA-1013, MTA-1015, RFC 2852, 3030, 4865, 6533, 8689, PRDR. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "smtp/smtp.h"

#define assert_str(s, z)                                          \
	do {                                                      \
		struct str s_ = (s);                              \
		assert_int_equal(s_.n, strlen(z));                \
		assert_memory_equal(s_.n ? s_.p : "", (z), s_.n); \
	} while (0)

static struct arena *arena;

static enum smtp_reply_id mail(const char *params, unsigned ext, struct smtp_mail *m)
{
	char *line = mem_printf("FROM:<a@b.example> %s", params);
	enum smtp_reply_id r = smtp_mail_parse(arena, str_of(line), ext, m);
	free(line);
	return r;
}

static enum smtp_reply_id rcpt(const char *params, bool utf8, struct smtp_rcpt *r)
{
	char *line = mem_printf("TO:<a@b.example> %s", params);
	enum smtp_reply_id id = smtp_rcpt_parse(arena, str_of(line), SMTP_EXT_ALL, utf8, r);
	free(line);
	return id;
}

static void test_by(void **state UNUSED)
{
	static const struct {
		const char *in;
		int64_t seconds;
		char mode; /* 0: refused */
		bool trace;
	} cases[] = {
	    {"600;R", 600, 'R', false},
	    {"600;rt", 600, 'R', true},
	    {"-120;NT", -120, 'N', true},
	    {"+0;N", 0, 'N', false},
	    {"999999999;N", 999999999, 'N', false},
	    {"1000000000;N", 0, 0, false},
	    {"600", 0, 0, false},
	    {"600;", 0, 0, false},
	    {";R", 0, 0, false},
	    {"-;R", 0, 0, false},
	    {"600;X", 0, 0, false},
	    {"600;RX", 0, 0, false},
	    {"600;RTT", 0, 0, false},
	    {"6 0;R", 0, 0, false},
	    {"", 0, 0, false},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct smtp_by by;
		assert_int_equal(smtp_by_parse(str_of(cases[i].in), &by), cases[i].mode != 0);
		if (!cases[i].mode)
			continue;
		assert_int_equal(by.seconds, cases[i].seconds);
		assert_int_equal(by.mode, cases[i].mode);
		assert_int_equal(by.trace, cases[i].trace);
	}
}

static void test_time(void **state UNUSED)
{
	static const struct {
		const char *in;
		int64_t epoch; /* -1: refused */
	} cases[] = {
	    {"1970-01-01T00:00:00Z", 0},
	    {"2000-02-29T12:00:00Z", 951825600},
	    {"2026-03-01t08:00:00z", 1772352000},
	    {"2026-03-01T08:00:00.25Z", 1772352000},
	    {"2026-03-01T08:00:00+01:00", 1772348400},
	    {"2026-03-01T08:00:00-00:30", 1772353800},
	    {"9999-12-31T23:59:59Z", 253402300799},
	    {"2026-02-29T00:00:00Z", -1},
	    {"2100-02-29T00:00:00Z", -1},
	    {"2026-13-01T00:00:00Z", -1},
	    {"2026-01-01T24:00:00Z", -1},
	    {"2026-01-01T00:00:00", -1},
	    {"2026-01-01T00:00:00.Z", -1},
	    {"2026-01-01T00:00:00Zx", -1},
	    {"2026-01-01 00:00:00Z", -1},
	    {"1969-12-31T00:00:00Z", -1},
	    {"", -1},
	};
	char out[SMTP_TIME_SIZE];
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t t = -1;
		bool good = smtp_time_parse(str_of(cases[i].in), &t);
		assert_int_equal(good, cases[i].epoch >= 0);
		if (good)
			assert_int_equal(t, cases[i].epoch);
	}
	for (int64_t t = 0; t < 253402300799; t += 86399 * 1237) {
		int64_t back;
		smtp_time_format(t, out);
		assert_true(smtp_time_parse(str_of(out), &back));
		assert_int_equal(back, t);
	}
}

static void test_utf8_addr(void **state UNUSED)
{
	static const struct {
		const char *in, *out; /* out NULL: refused */
		bool utf8;
	} cases[] = {
	    {"j\\x{FC}rgen@example.test", "j\xc3\xbcrgen@example.test", false},
	    {"j\xc3\xbcrgen@example.test", "j\xc3\xbcrgen@example.test", true},
	    {"j\xc3\xbcrgen@example.test", NULL, false},
	    {"a\\x{5C}b\\x{2B}c\\x{3D}d\\x{20}e", "a\\b+c=d e", false},
	    {"\\x{1F600}", "\xf0\x9f\x98\x80", false},
	    {"\\x{D800}", NULL, false},
	    {"\\x{110000}", NULL, false},
	    {"\\x{0FC}", NULL, false},
	    {"\\x{A}", NULL, false},
	    {"\\x{}", NULL, false},
	    {"\\x{FC", NULL, false},
	    {"a+40b", NULL, false},
	    {"a=b", NULL, false},
	    {"\xff", NULL, true},
	    {"", NULL, true},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf b, back;
		buf_init(&b, 1000);
		buf_init(&back, 1000);
		bool good = smtp_utf8_addr_decode(str_of(cases[i].in), cases[i].utf8, &b);
		assert_int_equal(good, cases[i].out != NULL);
		if (good) {
			assert_str(buf_str(&b), cases[i].out);
			assert_true(smtp_utf8_addr_encode(buf_str(&b), cases[i].utf8, &back));
			assert_str(buf_str(&back), cases[i].in);
		}
		buf_free(&b);
		buf_free(&back);
	}
}

/* MTA-1001, MTA-1005, MTA-1008, MTA-1011: the words of the original, in each form. */
static void test_words(void **state UNUSED)
{
	struct smtp_mail m;
	assert_int_equal(mail("VERP", SMTP_EXT_ALL, &m), SMTP_R_NONE);
	assert_true(m.verp);
	assert_int_equal(mail("XVERP", SMTP_EXT_ALL, &m), SMTP_R_NONE);
	assert_true(m.verp);
	assert_int_equal(mail("xverp=courier", SMTP_EXT_ALL, &m), SMTP_R_NONE);
	assert_true(m.verp);
	assert_int_equal(mail("XVERP=+-=", SMTP_EXT_ALL, &m), SMTP_R_BAD_PARAM);
	assert_int_equal(mail("EXDATA", SMTP_EXT_ALL, &m), SMTP_R_NONE);
	assert_true(m.exdata);
	assert_int_equal(mail("XEXDATA", SMTP_EXT_ALL, &m), SMTP_R_NONE);
	assert_true(m.exdata);
	assert_int_equal(mail("EXDATA=1", SMTP_EXT_ALL, &m), SMTP_R_BAD_PARAM);
	assert_int_equal(mail("SECURITY=STARTTLS", SMTP_EXT_ALL, &m), SMTP_R_NONE);
	assert_str(m.security, "STARTTLS");
	assert_int_equal(mail("XSECURITY=starttls", SMTP_EXT_ALL, &m), SMTP_R_NONE);
	assert_str(m.security, "STARTTLS");
	assert_int_equal(mail("SECURITY=NONE", SMTP_EXT_ALL, &m), SMTP_R_NONE);
	assert_int_equal(m.security.n, 0);
	assert_int_equal(mail("SECURITY=SMTPS", SMTP_EXT_ALL, &m), SMTP_R_BAD_PARAM);
	assert_int_equal(mail("SECURITY", SMTP_EXT_ALL, &m), SMTP_R_BAD_PARAM);
	assert_int_equal(mail("PRDR", SMTP_EXT_ALL, &m), SMTP_R_NONE);
	assert_true(m.prdr && !m.exdata);
	assert_int_equal(mail("PRDR=1", SMTP_EXT_ALL, &m), SMTP_R_BAD_PARAM);
}

static void test_mail(void **state UNUSED)
{
	unsigned secure = SMTP_EXT_ALL | SMTP_EXT_SECURE;
	struct smtp_mail m;
	assert_int_equal(mail("BODY=BINARYMIME", SMTP_EXT_ALL, &m), SMTP_R_NONE);
	assert_int_equal(m.body, SMTP_BODY_BINARYMIME);
	assert_int_equal(
	    mail("BODY=BINARYMIME", SMTP_EXT_ALL & ~SMTP_EXT_BINARYMIME, &m), SMTP_R_BAD_PARAM);
	assert_int_equal(mail("REQUIRETLS", SMTP_EXT_ALL, &m), SMTP_R_PARAM_NEEDS_TLS);
	assert_int_equal(mail("REQUIRETLS", secure, &m), SMTP_R_NONE);
	assert_true(m.requiretls);
	assert_int_equal(mail("REQUIRETLS=YES", secure, &m), SMTP_R_BAD_PARAM);
	assert_int_equal(mail("REQUIRETLS", secure & ~SMTP_EXT_REQUIRETLS, &m), SMTP_R_NO_PARAM);
	assert_int_equal(mail("BY=60;RT", SMTP_EXT_ALL, &m), SMTP_R_NONE);
	assert_int_equal(m.by.seconds, 60);
	assert_int_equal(mail("BY=0;R", SMTP_EXT_ALL, &m), SMTP_R_BY_PASSED);
	assert_int_equal(mail("BY=-5;N", SMTP_EXT_ALL, &m), SMTP_R_NONE);
	assert_int_equal(mail("BY", SMTP_EXT_ALL, &m), SMTP_R_BAD_PARAM);
	assert_int_equal(mail("HOLDFOR=86400", SMTP_EXT_ALL, &m), SMTP_R_NONE);
	assert_int_equal(m.hold_for, 86400);
	assert_int_equal(mail("HOLDFOR=0", SMTP_EXT_ALL, &m), SMTP_R_BAD_PARAM);
	assert_int_equal(mail("HOLDFOR=1000000000", SMTP_EXT_ALL, &m), SMTP_R_BAD_PARAM);
	assert_int_equal(mail("HOLDUNTIL=2000-02-29T12:00:00Z", SMTP_EXT_ALL, &m), SMTP_R_NONE);
	assert_int_equal(m.hold_until, 951825600);
	assert_int_equal(
	    mail("HOLDFOR=1 HOLDUNTIL=2000-02-29T12:00:00Z", SMTP_EXT_ALL, &m), SMTP_R_BAD_PARAM);
	assert_int_equal(
	    mail("HOLDUNTIL=2000-02-29T12:00:00Z HOLDFOR=1", SMTP_EXT_ALL, &m), SMTP_R_BAD_PARAM);
	assert_int_equal(mail("SIZE=5 SIZE=5", SMTP_EXT_ALL, &m), SMTP_R_TWICE);
	assert_int_equal(mail("SIZE=18446744073709551616", SMTP_EXT_ALL, &m), SMTP_R_BAD_PARAM);
}

/* MTA-1013: the whole grammar of RFC 3461, section 4. */
static void test_dsn(void **state UNUSED)
{
	static const struct {
		const char *params;
		int notify; /* -1: refused */
		const char *orcpt;
		bool utf8;
	} cases[] = {
	    {"NOTIFY=NEVER", SMTP_NOTIFY_NEVER, "", false},
	    {"notify=success,FAILURE,Delay", 7, "", false},
	    {"NOTIFY=DELAY,DELAY", SMTP_NOTIFY_DELAY, "", false},
	    {"NOTIFY=NEVER,FAILURE", -1, "", false},
	    {"NOTIFY=", -1, "", false},
	    {"NOTIFY", -1, "", false},
	    {"NOTIFY=SUCCESS,", -1, "", false},
	    {"NOTIFY=,SUCCESS", -1, "", false},
	    {"NOTIFY=SUCCESS NOTIFY=DELAY", -1, "", false},
	    {"NOTIFY=MAYBE", -1, "", false},
	    {"ORCPT=rfc822;Bob+40Example.COM", 0, "rfc822;Bob@Example.COM", false},
	    {"ORCPT=x400;a+2Bb+3Dc", 0, "x400;a+b=c", false},
	    {"ORCPT=rfc822;a+0Ab", -1, "", false},
	    {"ORCPT=rfc822;a+", -1, "", false},
	    {"ORCPT=rfc822;", -1, "", false},
	    {"ORCPT=;a", -1, "", false},
	    {"ORCPT=a", -1, "", false},
	    {"ORCPT=rfc 822;a", -1, "", false},
	    {"ORCPT=utf-8;j\\x{FC}rgen@example.test", 0, "utf-8;j\xc3\xbcrgen@example.test", false},
	    {"ORCPT=UTF-8;j\xc3\xbcrgen@example.test", 0, "utf-8;j\xc3\xbcrgen@example.test", true},
	    {"ORCPT=utf-8;j\xc3\xbcrgen@example.test", -1, "", false},
	    {"ORCPT=utf-8;a+40b", -1, "", false},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct smtp_rcpt r;
		enum smtp_reply_id id = rcpt(cases[i].params, cases[i].utf8, &r);
		assert_int_equal(id == SMTP_R_NONE, cases[i].notify >= 0);
		if (cases[i].notify < 0)
			continue;
		assert_int_equal(r.notify, cases[i].notify);
		assert_str(r.orcpt, cases[i].orcpt);
	}
	struct smtp_mail m;
	assert_int_equal(mail("RET=HDRS ENVID=QQ314159+2B", SMTP_EXT_ALL, &m), SMTP_R_NONE);
	assert_int_equal(m.ret, 'H');
	assert_str(m.envid, "QQ314159+");
	assert_int_equal(mail("RET=NO", SMTP_EXT_ALL, &m), SMTP_R_BAD_PARAM);
	assert_int_equal(mail("ENVID=a=b", SMTP_EXT_ALL, &m), SMTP_R_BAD_PARAM);
	assert_int_equal(mail("ENVID=", SMTP_EXT_ALL, &m), SMTP_R_BAD_PARAM);
	char *line = mem_printf("ENVID=%0100d", 0);
	assert_int_equal(mail(line, SMTP_EXT_ALL, &m), SMTP_R_NONE);
	free(line);
	line = mem_printf("ENVID=%0101d", 0);
	assert_int_equal(mail(line, SMTP_EXT_ALL, &m), SMTP_R_BAD_PARAM);
	free(line);
}

static void test_bdat(void **state UNUSED)
{
	struct smtp_chunk c;
	assert_int_equal(smtp_bdat_parse(STR("86 LAST"), &c), SMTP_R_NONE);
	assert_true(c.size == 86 && c.last);
	assert_int_equal(smtp_bdat_parse(STR("0 last"), &c), SMTP_R_NONE);
	assert_true(c.size == 0 && c.last);
	assert_int_equal(smtp_bdat_parse(STR("1000000000000"), &c), SMTP_R_NONE);
	assert_true(c.size == 1000000000000 && !c.last);
	assert_int_equal(smtp_bdat_parse(STR(""), &c), SMTP_R_NO_ARGUMENT);
	assert_int_equal(smtp_bdat_parse(STR("LAST"), &c), SMTP_R_SYNTAX);
	assert_int_equal(smtp_bdat_parse(STR("-1"), &c), SMTP_R_SYNTAX);
	assert_int_equal(smtp_bdat_parse(STR("0x10"), &c), SMTP_R_SYNTAX);
	assert_int_equal(smtp_bdat_parse(STR("1 LAST x"), &c), SMTP_R_SYNTAX);
	assert_int_equal(smtp_bdat_parse(STR("1 FIRST"), &c), SMTP_R_SYNTAX);
	assert_int_equal(smtp_bdat_parse(STR("99999999999999999999"), &c), SMTP_R_SYNTAX);
}

/* Every cut of a text gives the same, and no CR or LF alone gets through. */
static void test_chunks(void **state UNUSED)
{
	static const struct {
		struct str in;
		const char *out; /* NULL: bad */
	} cases[] = {
	    {STR_INIT("a\r\nb\r\n"), "a\nb\n"},
	    {STR_INIT("\r\n.\r\n"), "\n.\n"},
	    {STR_INIT("a"), "a"},
	    {STR_INIT("a\nb"), NULL},
	    {STR_INIT("a\rb"), NULL},
	    {STR_INIT("a\r\r\nb"), NULL},
	    {STR_INIT("a\r\n\nb"), NULL},
	    {STR_INIT("a\r"), NULL},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t cut = 0; cut <= cases[i].in.n; cut++) {
			struct smtp_chunks c = {0};
			char out[64];
			size_t n = smtp_chunks_feed(&c, str_head(cases[i].in, cut), out);
			n += smtp_chunks_feed(&c, str_skip(cases[i].in, cut), out + n);
			smtp_chunks_end(&c);
			assert_int_equal(c.bare, cases[i].out == NULL);
			assert_int_equal(c.size, cases[i].in.n);
			if (cases[i].out)
				assert_str(str_at(out, n), cases[i].out);
		}
}

static void test_keywords(void **state UNUSED)
{
	struct smtp_ext_word w;
	unsigned all = 0;
	for (size_t i = 0; smtp_ext_word(i, &w); i++) {
		assert_int_equal(smtp_ext_find(str_of(w.word)), w.ext);
		all |= w.ext;
	}
	assert_int_equal(all | SMTP_EXT_AUTH, SMTP_EXT_ALL);
	assert_int_equal(smtp_ext_find(STR("chunking")), SMTP_EXT_CHUNKING);
	assert_int_equal(smtp_ext_find(STR("STARTTLS")), 0);
	assert_int_equal(smtp_ext_find(STR("")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_by),
	    cmocka_unit_test(test_time),
	    cmocka_unit_test(test_utf8_addr),
	    cmocka_unit_test(test_words),
	    cmocka_unit_test(test_mail),
	    cmocka_unit_test(test_dsn),
	    cmocka_unit_test(test_bdat),
	    cmocka_unit_test(test_chunks),
	    cmocka_unit_test(test_keywords),
	};
	arena = arena_new(1024 * 1024);
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	arena_free(arena);
	return r;
}
