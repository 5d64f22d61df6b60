/* A message with binary parts becomes lines (RFC 3030): what is encoded, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "mime/mime.h"

struct text {
	struct str s;
	size_t piece; /* at most so much is read at once by the parser */
};

static bool read_text(void *ctx, char *p, size_t n, uint64_t at)
{
	const struct text *t = ctx;
	if (at > t->s.n || n > t->s.n - at)
		return false;
	memcpy(p, t->s.p + at, n);
	return true;
}

/* "bare": refused; else the lines. */
static void lines_of(struct str in, struct buf *out)
{
	struct arena *a = arena_new(16 * 1024 * 1024);
	struct mime_parser *p = mime_parser_new(a, &mime_default_limits);
	struct text t = {.s = in};
	struct mime_source source = {read_text, &t};
	struct mime_result m;
	mime_parser_push(p, in);
	assert_int_equal(mime_parser_finish(p, &m), 0);
	struct mime_convert *c =
	    mime_convert_new(a, &source, m.root, MIME_TO_LINES, "me.example", "\n");
	assert_non_null(c);
	int r = 1;
	while (r > 0)
		r = mime_convert_next(c, out);
	assert_int_equal(r, 0);
	if (mime_convert_bare(c)) {
		buf_clear(out);
		buf_addz(out, "bare");
	}
	arena_free(a);
}

#define MULTI                                                                \
	"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n" \
	"Content-Transfer-Encoding: binary\r\n\r\n"

static void test_lines(void **state UNUSED)
{
	static const struct {
		const char *name;
		struct str in, want;
	} cases[] = {
	    {"text stays text", STR_INIT("Subject: a\r\n\r\nhi\r\n.\r\n"),
		STR_INIT("Subject: a\n\nhi\n.\n")},
	    {"declared binary",
		STR_INIT("MIME-Version: 1.0\r\nContent-Type: image/png\r\n"
			 "Content-Transfer-Encoding: BINARY\r\n\r\n\x89\r\n\x00\n\r"),
		STR_INIT("MIME-Version: 1.0\nContent-Type: image/png\n"
			 "Content-Transfer-Encoding: base64\n"
			 "X-Mime-Autoconverted: from binary to base64 by me.example\n\n"
			 "iQ0KAAoN\n")},
	    {"a part among others",
		STR_INIT(MULTI "--b\r\n\r\ntext\r\n--b\r\nContent-Transfer-Encoding: binary\r\n\r\n"
			       "a\nb\r\n--b--\r\n"),
		STR_INIT("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n"
			 "Content-Transfer-Encoding: 7bit\n\n--b\n\ntext\n--b\n"
			 "Content-Transfer-Encoding: base64\n"
			 "X-Mime-Autoconverted: from binary to base64 by me.example\n\n"
			 "YQpi\n\n--b--\n")},
	    {"text that is no lines, undeclared", STR_INIT("Subject: a\r\n\r\na\nb\r\n"),
		STR_INIT(
		    "Subject: a\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
		    "Content-Transfer-Encoding: base64\n"
		    "X-Mime-Autoconverted: from binary to base64 by me.example\n\nYQpiDQo=\n")},
	    {"LF in the header", STR_INIT("Subject: a\nTo: b\r\n\r\nx\r\n"), STR_INIT("bare")},
	    {"CR in the header", STR_INIT("Subject: a\rb\r\n\r\nx\r\n"), STR_INIT("bare")},
	    {"LF between parts", STR_INIT(MULTI "pre\namble\r\n--b\r\n\r\nx\r\n--b--\r\n"),
		STR_INIT("bare")},
	    {"LF in base64",
		STR_INIT(
		    "MIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ\n==\r\n"),
		STR_INIT("bare")},
	    {"CR at the very end of a header", STR_INIT("Subject: a\r"), STR_INIT("bare")},
	    {"nothing", STR_INIT(""), STR_INIT("")},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out;
		buf_init(&out, 100000);
		lines_of(cases[i].in, &out);
		if (!str_eq(buf_str(&out), cases[i].want))
			fail_msg("%s: got\n%.*s\nwant\n%.*s", cases[i].name, STR_FMT(buf_str(&out)),
			    STR_FMT(cases[i].want));
		buf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
