/* fax: numbers, rules, and text on its way to troff. */
#include "config.h"

#include "fax/fax.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void numbers(void **state)
{
	(void)state;
	static const struct {
		const char *local, *number; /* NULL: none */
	} cases[] = {{"5558888", "5558888"}, {"9-5558888", "9,5558888"},
	    {"9W-*1#+abcd", "9W,*1#@ABCD"}, {"", NULL}, {"x", NULL}, {"5 5", NULL}, {"5,5", NULL},
	    {"5@5", NULL}, {"5;reboot", NULL}, {"E", NULL}, {"\"5", NULL}};
	struct fax_number n;
	char longest[FAX_NUMBER_MAX + 2];
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool good = fax_number_parse(str_of(cases[i].local), &n);
		if (good != (cases[i].number != NULL) ||
		    (good && strcmp(n.p, cases[i].number) != 0))
			fail_msg("%s", cases[i].local);
	}
	memset(longest, '1', sizeof longest);
	assert_true(fax_number_parse(str_at(longest, FAX_NUMBER_MAX), &n));
	assert_false(fax_number_parse(str_at(longest, FAX_NUMBER_MAX + 1), &n));
}

static void options(void **state)
{
	(void)state;
	struct fax_options o;
	assert_true(fax_options_parse(STR("fax"), &o) && !o.lowres && !o.ignore && !o.cover);
	assert_true(fax_options_parse(STR("FAX-lowres-Ignore"), &o) && o.lowres && o.ignore);
	assert_true(fax_options_parse(STR("fax-cover"), &o) && o.cover);
	assert_false(fax_options_parse(STR("fax-fast"), &o));
	assert_false(fax_options_parse(STR("fax-"), &o) && o.lowres);
	assert_false(fax_options_parse(STR("faxes"), &o));
	assert_false(fax_options_parse(STR(""), &o));
}

static const char *dial(const char *rules, const char *source, const char *local)
{
	static struct fax_rules r;
	static struct fax_number n;
	assert_int_equal(fax_rules_parse(str_of(rules), &r), 0);
	assert_true(fax_number_parse(str_of(local), &n));
	return fax_rules_apply(&r, str_of(source), &n) ? n.p : "-";
}

/* Seven digits for the town, 1 and ten for the country, 011 for abroad. */
static const char *const country = "# canonical form first\n"
				   "rw^*\t1\t$9\n"
				   "rw^ 011 1011$9\n"
				   "rw^ n11 1\n"
				   "rw^ 1011 011$9\n"
				   "rw (nnnnnnn) 999$1\n"
				   "accept 5nnnnnnnnn local\n"
				   "accept 9nnnnnnnnn local\n"
				   "accept 9nnnnnnnnn esmtp\n"
				   "accept^ 011 local\n"
				   "rw^ (.) 1$1$9\n"
				   "rw^ 1011 011$9\n"
				   "rw^ 1999 $9\n";

static void rules(void **state)
{
	(void)state;
	assert_string_equal(dial(country, "local", "5558888"), "5558888");
	assert_string_equal(dial(country, "local", "15125558888"), "15125558888");
	assert_string_equal(dial(country, "local", "1115125558888"), "15125558888");
	assert_string_equal(dial(country, "esmtp", "5125558888"), "-");
	assert_string_equal(dial(country, "esmtp", "9125558888"), "19125558888");
	assert_string_equal(dial(country, "local", "0114412345678"), "0114412345678");
	assert_string_equal(dial(country, "esmtp", "0114412345678"), "-");
	assert_string_equal(dial(country, "local", "911"), "-");
	assert_string_equal(dial(country, "local", "9115551212"), "-");
	assert_string_equal(dial("", "local", "5"), "-");
	assert_string_equal(dial("rw^ .\naccept^ n local\n", "local", "5558888"), "-");
	assert_string_equal(dial("accept^ . uucp\n", "local", "5"), "-");
	assert_string_equal(dial("accept 5 local\n", "local", "55"), "-");
	assert_string_equal(dial("accept^ 5 local\nreject 55 local\n", "local", "55"), "-");
	assert_string_equal(dial("reject^ 0 esmtp\naccept^ . local\n", "local", "01"), "01");
	assert_string_equal(dial("accept ~5-+ local\n", "local", "#5-+"), "#5,@");
	assert_string_equal(
	    dial("accept^ . local\nrw (n)(n)(n) $3$2$1~-\n", "local", "123"), "321#,");
	assert_string_equal(dial("accept^ . local\nrw^* 11 1$9\n", "local", "1111"), "1");
	assert_string_equal(dial("accept^ . local\nrw^* 1 1$9\n", "local", "111"), "111");
	assert_string_equal(dial("accept^ . local\nrw^* 1 11$9\n", "local", "1"), "-"); /* grows */
	assert_string_equal(dial("accept^ . local\nrw^ 1 x$9\n", "local", "1"), "-");
	assert_string_equal(dial("accept^ . local\nrw^ 1\n", "local", "1"), "-");
}

static void bad_rules(void **state)
{
	(void)state;
	static const char *const bad[] = {"dial 1 2", "rw", "accept 1", "accept 1 telnet",
	    "rw ((1)) 2", "rw (1 2", "rw 1) 2", "rw 1 2 3", "rw! 1 2", "accept* 1 local",
	    "rw (1)(2)(3)(4)(5)(6)(7)(8)(9) x", "accept^^x 1 local"};
	static struct fax_rules r;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (fax_rules_parse(str_of(bad[i]), &r) != 1)
			fail_msg("%s", bad[i]);
	assert_int_equal(fax_rules_parse(STR("\n# x\naccept 1 local\nbad\n"), &r), 4);
}

static void sources(void **state)
{
	(void)state;
	assert_true(str_is(fax_source(STR("authsmtp")), "esmtp"));
	assert_true(str_is(fax_source(STR("smtp")), "esmtp"));
	assert_true(str_is(fax_source(STR("local/dsn")), "dsn"));
	assert_true(str_is(fax_source(STR("uucp")), "uucp"));
}

static void layout(void **state)
{
	(void)state;
	struct buf b, t;
	buf_init(&b, 4096);
	buf_init(&t, 4096);
	assert_true(fax_text_layout(STR("a\tb\033[1m\xff\n\fx"), &b));
	assert_string_equal(b.p, "a       b[1m?\n\fx");
	buf_clear(&b);
	for (int i = 0; i < 90; i++)
		buf_addz(&t, "\xc3\xa4");
	assert_true(fax_text_layout(buf_str(&t), &b));
	assert_int_equal(b.n, 181);
	assert_int_equal(str_chr(buf_str(&b), '\n'), 160);
	buf_clear(&b);
	assert_true(fax_troff_line(STR(".so /etc/passwd\\n\n"), &b));
	assert_string_equal(b.p, "\\&.so /etc/passwd\\en");
	buf_free(&b);
	buf_free(&t);
}

static void cover(void **state)
{
	(void)state;
	struct buf b;
	struct fax_cover c = {.from = STR("\n.pso reboot"),
	    .subject = STR("\\*[x]"),
	    .pages = 2,
	    .text = STR(".\n..\n.sy reboot\n'x")};
	buf_init(&b, 4096);
	assert_true(fax_cover_compose(&c, STR(".FaxText\n"), &b));
	struct str line, rest = buf_str(&b);
	while (str_split(&rest, '\n', &line)) {
		bool ours = line.n == 0 || str_starts(line, STR("\\&")) || str_is(line, "..") ||
			    str_is(line, ".FaxText") || str_is(line, ".de FaxText") ||
			    str_starts(line, STR(".nr FaxPages ")) ||
			    str_starts(line, STR(".ds Fax"));
		if (!ours)
			fail_msg("%.*s", STR_FMT(line));
	}
	buf_free(&b);
}

static struct fax_document *read_document(struct arena *a, const char *message)
{
	static struct fax_document d;
	assert_int_equal(fax_document_read(a, str_of(message), &d), 0);
	return &d;
}

static void documents(void **state)
{
	(void)state;
	struct arena *a = arena_new(4 * 1024 * 1024);
	struct fax_document *d = read_document(a,
	    "From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\nTo: 5551212@fax (Mr. X)\n"
	    "Subject: A =?utf-8?q?f=C3=A4x?=\nDate: today\n"
	    "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\n"
	    "gr\xfc\xdf\n");
	assert_true(str_is(d->cover.from, "J\xc3\xbcrgen") && str_is(d->cover.to, "Mr. X"));
	assert_true(str_is(d->cover.subject, "A f\xc3\xa4x") && str_is(d->cover.date, "today"));
	assert_true(str_is(d->cover.text, "gr\xc3\xbc\xc3\x9f\n"));
	assert_int_equal(d->n, 0);
	d = read_document(a,
	    "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
	    "--b\nContent-Type: multipart/alternative; boundary=c\n\n"
	    "--c\nContent-Type: text/html\n\n<p>\n--c\nContent-Type: text/plain\n\ncover\n--c--\n"
	    "--b\nContent-Type: image/PNG\nContent-Transfer-Encoding: base64\n\nAAEC\n"
	    "--b\nContent-Type: text/plain\n\nsecond\n"
	    "--b\nContent-Type: ../etc/passwd\n\nx\n--b--\n");
	assert_true(str_starts(d->cover.text, STR("cover")));
	assert_int_equal(d->n, 3);
	assert_true(str_is(d->parts[0].name, "image-png.filter") && d->parts[0].data.n == 3);
	assert_true(str_is(d->parts[1].name, "text-plain.filter"));
	assert_true(str_chr(d->parts[2].name, '/') < 0);
	d = read_document(a, "Content-Type: application/pdf\n\n%PDF\n");
	assert_int_equal(d->cover.text.n, 0);
	assert_int_equal(d->n, 1);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(numbers), cmocka_unit_test(options),
	    cmocka_unit_test(rules), cmocka_unit_test(bad_rules), cmocka_unit_test(sources),
	    cmocka_unit_test(layout), cmocka_unit_test(cover), cmocka_unit_test(documents)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
