/* libs/mime: the structure parser. */
#include "config.h"

#include "mime/mime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static size_t line_ends(struct str msg, const struct mime_range *r)
{
	size_t n = 0;
	for (size_t i = r->start; i < r->end; i++)
		n += msg.p[i] == '\n';
	return n;
}

static void describe_part(struct str msg, const struct mime_part *p, struct buf *out)
{
	buf_addf(out, "%.*s/%.*s h%zu-%zu b%zu-%zu s%zu l%zu", STR_FMT(p->type),
	    STR_FMT(p->subtype), p->header.start, p->header.end, p->body.start, p->body.end,
	    p->body.size, p->body.lines);
	assert_true(p->header.end == p->body.start && p->body.end >= p->body.start);
	assert_true(p->body.end <= msg.n);
	assert_int_equal(p->body.lines, line_ends(msg, &p->body));
	assert_int_equal(p->header.lines, line_ends(msg, &p->header));
	if (!p->multipart && !p->message) {
		assert_null(p->child);
		return;
	}
	buf_addz(out, p->message ? " {" : " (");
	for (const struct mime_part *c = p->child; c; c = c->next) {
		assert_ptr_equal(c->parent, p);
		assert_int_equal(c->depth, p->depth + 1);
		if (c != p->child)
			buf_addz(out, ", ");
		describe_part(msg, c, out);
	}
	buf_addc(out, p->message ? '}' : ')');
}

static char *describe(struct str msg, const struct mime_result *r)
{
	struct buf out;
	buf_init(&out, 1 << 22);
	describe_part(msg, r->root, &out);
	buf_addf(&out, " faults %x parts %u header %zu longest %zu", r->faults, r->parts,
	    r->header_bytes, r->longest_line);
	char *z = mem_strndup(out.p, out.n);
	buf_free(&out);
	return z;
}

/* Pushes in pieces whose sizes follow from `step` (0: one piece); memory is exact and goes away. */
static char *pushed(struct str msg, size_t step, const struct mime_limits *limits)
{
	struct arena *a = arena_new(64 << 20);
	struct mime_result r;
	struct mime_parser *p = mime_parser_new(a, limits);
	assert_non_null(p);
	for (size_t at = 0, n = 1; at < msg.n; at += n) {
		n = step ? 1 + (at * 7 + at / 3) % step : msg.n;
		n = n > msg.n - at ? msg.n - at : n;
		char *piece = mem_alloc(n);
		memcpy(piece, msg.p + at, n);
		assert_true(mime_parser_push(p, str_at(piece, n)));
		free(piece);
	}
	assert_int_equal(mime_parser_finish(p, &r), 0);
	char *z = describe(msg, &r);
	arena_free(a);
	return z;
}

static void check_limited(const char *msg, const char *want, const struct mime_limits *limits)
{
	static const size_t steps[] = {1, 2, 3, 7, 40};
	char *whole = pushed(str_of(msg), 0, limits);
	assert_string_equal(whole, want);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		char *z = pushed(str_of(msg), steps[i], limits);
		assert_string_equal(z, whole);
		free(z);
	}
	free(whole);
}

static void check(const char *msg, const char *want)
{
	check_limited(msg, want, &mime_default_limits);
}

static void test_plain(void **state)
{
	check("", "text/plain h0-0 b0-0 s0 l0 faults 0 parts 1 header 0 longest 0");
	check("A: b\r\n\r\nhello\r\nworld",
	    "text/plain h0-8 b8-20 s12 l1 faults 0 parts 1 header 8 longest 5");
	check("A: b\n\nhello\nworld\n",
	    "text/plain h0-6 b6-18 s14 l2 faults 2000 parts 1 header 6 longest 5");
	check("A: b", "text/plain h0-4 b4-4 s0 l0 faults 0 parts 1 header 4 longest 4");
	check("\r\nbody", "text/plain h0-2 b2-6 s4 l0 faults 0 parts 1 header 2 longest 4");
	check("no field\r\n\r\n", "text/plain h0-12 b12-12 s0 l0 faults 400 parts 1 header 12 "
				  "longest 8");
}

#define MIXED                                                                   \
	"Content-Type: multipart/mixed; boundary=\"b 1\"\r\n\r\npreamble\r\n"   \
	"--b 1\r\n\r\nhello\r\n\r\n--b 1 \t\r\nContent-Type: Text/HTML\r\n\r\n" \
	"--b 1--\r\nepilogue\r\n"

static void test_multipart(void **state)
{
	check(MIXED, "multipart/mixed h0-49 b49-132 s83 l10 (text/plain h66-68 b68-75 s7 l1, "
		     "text/html h86-113 b113-113 s0 l0) faults 0 parts 3 header 49 longest 45");
}

static void test_nested(void **state)
{
	check("Content-Type: multipart/mixed; boundary=a\n\n--a\n"
	      "Content-Type: multipart/alternative; "
	      "boundary=aa\n\n--aa\n\nx\n--aa--\n--a\n\ny\n--a--\n",
	    "multipart/mixed h0-43 b43-125 s93 l11 (multipart/alternative h47-97 b97-111 s17 l3 "
	    "(text/plain h102-103 b103-104 s1 l0), text/plain h116-117 b117-118 s1 l0) faults 2000 "
	    "parts 4 header 43 longest 48");
}

static void test_message(void **state)
{
	check("Content-Type: multipart/digest; boundary=a\r\n\r\n--a\r\n\r\nSubject: "
	      "x\r\n\r\nbody\r\n"
	      "--a\r\nContent-Type: message/rfc822\r\n\r\n"
	      "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nz\r\n--c--\r\n\r\n--a--",
	    "multipart/digest h0-46 b46-179 s133 l15 (message/rfc822 h51-53 b53-71 s18 l2 "
	    "{text/plain h53-67 b67-71 s4 l0}, message/rfc822 h78-110 b110-172 s62 l6 "
	    "{multipart/mixed h110-155 b155-172 s17 l4 (text/plain h160-162 b162-163 s1 l0)}) "
	    "faults 0 parts 6 header 46 longest 42");
}

/* What is broken is read the same way every time. */
static void test_broken(void **state)
{
	/* an outer boundary ends an inner multipart that was left open */
	check("Content-Type: multipart/mixed; boundary=a\n\n--a\n"
	      "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--a\n\ny\n",
	    "multipart/mixed h0-43 b43-104 s70 l9 (multipart/mixed h47-90 b90-96 s8 l2 (text/plain "
	    "h94-95 b95-96 s1 l0), text/plain h101-102 b102-104 s3 l1) faults 2200 parts 4 header "
	    "43 longest 41");
}

static void test_boundary_in_header(void **state)
{
	check("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: text/html\r\n"
	      "--a\r\nContent-Type: message/rfc822\r\n--a--",
	    "multipart/mixed h0-45 b45-115 s70 l4 (text/html h50-75 b75-75 s0 l0, message/rfc822 "
	    "h80-110 b110-110 s0 l0 {text/plain h110-110 b110-110 s0 l0}) faults 0 parts 4 header "
	    "45 longest 41");
}

/* A message inside that ends within its header does not end before it began. */
static void test_boundary_in_inner_header(void **state)
{
	check("Content-Type: multipart/digest; boundary=a\n\n--a\n\nA: b\nC: d\n--a--\n",
	    "multipart/digest h0-44 b44-65 s26 l5 (message/rfc822 h48-49 b49-59 s12 l2 {text/plain "
	    "h49-59 b59-59 s0 l0}) faults 2000 parts 3 header 44 longest 42");
}

static void test_not_boundaries(void **state)
{
	check(
	    "Content-Type: multipart/mixed; boundary=a\r\n\r\n--ab\r\n--a b\r\n -- a\r\n--a--x\r\n",
	    "multipart/mixed h0-45 b45-73 s28 l4 () faults 200 parts 1 header 45 longest 41");
	check("Content-Type: multipart/mixed\r\n\r\nx",
	    "multipart/mixed h0-33 b33-34 s1 l0 faults 100 parts 1 header 33 longest 29");
	check("Content-Type: multipart/mixed; boundary=\"\"\r\n\r\nx",
	    "multipart/mixed h0-46 b46-47 s1 l0 faults 100 parts 1 header 46 longest 42");
}

static void test_limits(void **state)
{
	struct mime_limits l = mime_default_limits;
	l.depth = 1;
	check_limited("Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\n"
		      "Subject: x\r\n\r\n",
	    "message/rfc822 h0-32 b32-78 s46 l4 {message/rfc822 h32-64 b64-78 s14 l2} faults 10000 "
	    "parts 2 header 32 longest 28",
	    &l);
	l = mime_default_limits;
	l.parts = 2;
	check_limited(
	    "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\nx\r\n--a\r\n\r\ny\r\n"
	    "--a--\r\n",
	    "multipart/mixed h0-45 b45-72 s27 l7 (text/plain h50-52 b52-63 s11 l3) faults 20000 "
	    "parts 2 header 45 longest 41",
	    &l);
	l = mime_default_limits;
	l.header_bytes = 20;
	check_limited("A: 0123456789\r\n b\r\nContent-Type: text/html\r\n\r\nx",
	    "text/plain h0-46 b46-47 s1 l0 faults 40000 parts 1 header 46 longest 23", &l);
}

static unsigned faults_of(struct str msg)
{
	char *z = pushed(msg, 0, &mime_default_limits);
	unsigned f = (unsigned)strtoul(strstr(z, "faults ") + 7, NULL, 16);
	for (size_t step = 1; step < 5; step++) {
		char *again = pushed(msg, step, &mime_default_limits);
		assert_string_equal(again, z);
		free(again);
	}
	free(z);
	return f & ~(unsigned)MIME_FAULT_BARE_LF;
}

static void test_faults(void **state)
{
	assert_int_equal(faults_of(STR("S: x\n\nx\n")), 0);
	assert_int_equal(faults_of(STR("S: \xc3\xa4\n\nx\n")), MIME_FAULT_HEADER_8BIT);
	assert_int_equal(
	    faults_of(STR("S: \xe4\n\nx\n")), MIME_FAULT_HEADER_8BIT | MIME_FAULT_HEADER_NOT_UTF8);
	assert_int_equal(
	    faults_of(STR("S: x\n\n\xe4\n")), MIME_FAULT_BODY_8BIT | MIME_FAULT_UNDECLARED_8BIT);
	assert_int_equal(
	    faults_of(STR("Content-Transfer-Encoding: 8BIT (x)\n\n\xe4\n")), MIME_FAULT_BODY_8BIT);
	assert_int_equal(faults_of(STR("Content-Transfer-Encoding: binary\n\n\xe4\n")),
	    MIME_FAULT_BODY_8BIT | MIME_FAULT_BINARY);
	assert_int_equal(faults_of(STR("Content-Transfer-Encoding: base64\n\n\xe4\n")),
	    MIME_FAULT_BODY_8BIT | MIME_FAULT_UNDECLARED_8BIT);
	assert_int_equal(
	    faults_of(STR("Content-Transfer-Encoding: foo\n\n")), MIME_FAULT_BAD_ENCODING);
	assert_int_equal(faults_of(STR("Content-Transfer-Encoding: x-uuencode\n\n")), 0);
	assert_int_equal(faults_of(STR("Content-Type: text\n\n")), MIME_FAULT_BAD_TYPE);
	assert_int_equal(faults_of(STR("Content-Type: \n\n")), MIME_FAULT_BAD_TYPE);
	assert_int_equal(faults_of(STR("Content-Type: a/b; c\n\n")), MIME_FAULT_BAD_PARAM);
	assert_int_equal(faults_of(STR("Content-Type: a/b; c=\n\n")), MIME_FAULT_BAD_PARAM);
	assert_int_equal(faults_of(STR("Content-Type: a/b; c=d e; f=g\n\n")), MIME_FAULT_BAD_PARAM);
	assert_int_equal(faults_of(STR("Content-Type: a/b; c=d\x01\n\n")), MIME_FAULT_BAD_TYPE);
	assert_int_equal(faults_of(STR("Content-Disposition: a; c=d e\n\n")), MIME_FAULT_BAD_PARAM);
	assert_int_equal(faults_of(STR("Content-Type: a/b; c=d; c=e\n\n")), MIME_FAULT_BAD_TYPE);
	assert_int_equal(faults_of(STR("Content-Type: a/b; c=\"d\n\n")), MIME_FAULT_BAD_TYPE);
	assert_int_equal(faults_of(STR("Content-Type: a/b; c=d;\n\n")), 0);
	assert_int_equal(faults_of(STR("Content-Type: a/b; (x) c = d=e/f?\n\n")), 0);
	assert_int_equal(
	    faults_of(STR("Content-Type: a/b\ncontent-type: a/c\n\n")), MIME_FAULT_DUPLICATE);
	assert_int_equal(faults_of(STR("Content-Disposition: ;\n\n")), MIME_FAULT_BAD_DISPOSITION);
	assert_int_equal(faults_of(STR("S: x\n\na\0b\n")), MIME_FAULT_NUL);
	assert_int_equal(faults_of(STR("S: x\n\na\rb\n")), MIME_FAULT_BARE_CR);
	assert_int_equal(faults_of(STR("S: x\n\na\r")), MIME_FAULT_BARE_CR);
	assert_int_equal(
	    faults_of(STR("\r\r\n x\n\n")), MIME_FAULT_BARE_CR | MIME_FAULT_BAD_HEADER);
	assert_int_equal(faults_of(STR("S: x\r\n\r\na\r\r\n")), MIME_FAULT_BARE_CR);
	assert_int_equal(
	    faults_of(STR("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n")),
	    MIME_FAULT_BAD_ENCODING);
	char line[2100];
	memset(line, 'x', sizeof line);
	memcpy(line, "A: b\n\n", 6);
	assert_int_equal(faults_of(str_at(line, 6 + 998)), 0);
	assert_int_equal(faults_of(str_at(line, 6 + 999)), MIME_FAULT_LONG_LINE);
	assert_string_equal(mime_fault_text(MIME_FAULT_NUL | MIME_FAULT_PARTS), "NUL bytes");
}

static const struct mime_part *found(const struct mime_result *r, const char *path)
{
	unsigned n[10];
	size_t k = 0;
	for (; *path; path += *path == '.')
		n[k++] = (unsigned)strtoul(path, (char **)&path, 10);
	return mime_find(r->root, n, k);
}

static void test_find(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct mime_result r;
	assert_int_equal(mime_parse(a, STR(MIXED), &mime_default_limits, &r), 0);
	assert_ptr_equal(found(&r, ""), r.root);
	assert_ptr_equal(found(&r, "1"), r.root->child);
	assert_ptr_equal(found(&r, "2"), r.root->child->next);
	assert_null(found(&r, "3"));
	assert_null(found(&r, "0"));
	assert_null(found(&r, "1.1"));
	assert_int_equal(mime_parse(a, STR("A: b\n\nx"), &mime_default_limits, &r), 0);
	assert_ptr_equal(found(&r, "1"), r.root);
	assert_null(found(&r, "2"));
	assert_null(found(&r, "1.1"));
	assert_int_equal(
	    mime_parse(a,
		STR("Content-Type: message/rfc822\n\nContent-Type: multipart/x; "
		    "boundary=a\n\n--a\n\nx\n--a\nContent-Type: message/rfc822\n\nA: b\n\n"
		    "y\n--a--\n"),
		&mime_default_limits, &r),
	    0);
	assert_ptr_equal(found(&r, "1"), r.root);
	assert_ptr_equal(found(&r, "1.1"), r.root->child->child);
	const struct mime_part *inner = r.root->child->child->next;
	assert_ptr_equal(found(&r, "1.2"), inner);
	assert_ptr_equal(found(&r, "1.2.1"), inner->child);
	assert_null(found(&r, "1.2.2"));
	assert_null(found(&r, "1.2.1.1"));
	arena_free(a);
}

static void test_fields_kept(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct mime_result r;
	struct str msg = STR("Content-Type: TEXT/X-Foo (c);\r\n charset=\"U\\\"TF\"; Name=a b\r\n"
			     "Content-ID: <i@d>\r\nContent-Description: some\r\n\ttext\r\n"
			     "Content-MD5: m\r\nContent-Location:\r\nContent-Language: en, de\r\n"
			     "Content-Disposition: ATTACHMENT; filename*0*=x''a; filename*1=b\r\n"
			     "Content-Transfer-Encoding: BASE64\r\n\r\n");
	assert_int_equal(mime_parse(a, msg, &mime_default_limits, &r), 0);
	const struct mime_part *p = r.root;
	assert_true(p->has_type && str_is(p->type, "text") && str_is(p->subtype, "x-foo"));
	assert_true(str_is(mime_param_raw(p->params, "charset"), "U\"TF"));
	assert_true(str_is(mime_param_raw(p->params, "name"), "a"));
	assert_null(mime_param_raw(p->params, "nam").p);
	assert_true(str_is(p->id, "<i@d>"));
	assert_true(str_is(p->description, "some\ttext"));
	assert_true(str_is(p->md5, "m"));
	assert_true(p->location.p && p->location.n == 0);
	assert_true(str_is(p->language, "en, de"));
	assert_true(str_is(p->disposition, "attachment"));
	assert_true(str_is(p->disposition_params->name, "filename*0*"));
	assert_int_equal(p->cte, MIME_BASE64);
	assert_true(str_is(p->encoding, "base64"));
	assert_int_equal(r.faults, MIME_FAULT_BAD_PARAM); /* the blank in name= */
	arena_free(a);
}

static void test_small_arena(void **state)
{
	struct str msg = STR(MIXED);
	for (size_t max = 0; max < 20000; max += 97) {
		struct arena *a = arena_new(max);
		struct mime_result r;
		int got = mime_parse(a, msg, &mime_default_limits, &r);
		assert_true(got == 0 || got == -1);
		if (got == 0)
			assert_int_equal(r.parts, 3);
		arena_free(a);
	}
}

/* Bombs: many parts, deep nesting, boundary-like lines; time and memory stay in proportion. */
static void bomb(const char *head, const char *unit, size_t times)
{
	struct arena *a = arena_new(256 << 20);
	struct buf b;
	struct mime_result r;
	buf_init(&b, 64 << 20);
	buf_addz(&b, head);
	for (size_t i = 0; i < times; i++)
		buf_addz(&b, unit);
	int64_t from = clock_mono_ms();
	assert_int_equal(mime_parse(a, buf_str(&b), &mime_default_limits, &r), 0);
	assert_true(clock_mono_ms() - from < 3000);
	assert_true(r.parts <= mime_default_limits.parts);
	buf_free(&b);
	arena_free(a);
}

static void test_bombs(void **state)
{
	bomb("Content-Type: multipart/mixed; boundary=a\n\n", "--a\n\n", 1000000);
	bomb("Content-Type: multipart/mixed; boundary=a\n\n",
	    "--a\nContent-Type: multipart/mixed; boundary=a\n\n", 200000);
	bomb("Content-Type: message/rfc822\n\n", "Content-Type: message/rfc822\n\n", 200000);
	bomb("Content-Type: multipart/mixed; boundary=a\n\n", "--b\n", 2000000);
	bomb("Content-Type: a/b", ";a=b", 1000000);
	bomb("Content-Type: a/b;a=", "\"", 1000000);
	bomb("A:", "\n b", 1000000);
	bomb("\n", "\r", 4000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_plain),
	    cmocka_unit_test(test_multipart),
	    cmocka_unit_test(test_nested),
	    cmocka_unit_test(test_message),
	    cmocka_unit_test(test_broken),
	    cmocka_unit_test(test_boundary_in_header),
	    cmocka_unit_test(test_boundary_in_inner_header),
	    cmocka_unit_test(test_not_boundaries),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_faults),
	    cmocka_unit_test(test_find),
	    cmocka_unit_test(test_fields_kept),
	    cmocka_unit_test(test_small_arena),
	    cmocka_unit_test(test_bombs),
	};
	return cmocka_run_group_tests_name("mime", tests, NULL, NULL);
}
