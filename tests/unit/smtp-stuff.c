/* libs/smtp: message text on its way out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "smtp/smtp.h"

#define assert_str(s, z)                                          \
	do {                                                      \
		struct str s_ = (s);                              \
		assert_int_equal(s_.n, strlen(z));                \
		assert_memory_equal(s_.n ? s_.p : "", (z), s_.n); \
	} while (0)

static void stuffed(const char *in, size_t cut, struct buf *out)
{
	struct smtp_stuff s;
	struct str text = str_of(in);

	smtp_stuff_init(&s);
	assert_true(smtp_stuff_feed(&s, str_head(text, cut), out));
	assert_true(smtp_stuff_feed(&s, str_skip(text, cut), out));
	assert_true(smtp_stuff_end(&s, out));
}

static void test_stuff(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
	    {"", ".\r\n"},
	    {"a\n", "a\r\n.\r\n"},
	    {"a", "a\r\n.\r\n"},
	    {".\n..a\nb.\n", "..\r\n...a\r\nb.\r\n.\r\n"},
	    {"a\r\nb\r\n", "a\r\nb\r\n.\r\n"},
	    {"a\r.\rb\n", "a . b\r\n.\r\n"},
	    {"\r.\n", " .\r\n.\r\n"},
	    {"a\r\r\n.\n", "a \r\n..\r\n.\r\n"},
	    {"a\r", "a\r\n.\r\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t cut = 0; cut <= strlen(cases[i].in); cut++) {
			struct buf out;

			buf_init(&out, 1000);
			stuffed(cases[i].in, cut, &out);
			assert_str(buf_str(&out), cases[i].want);
			buf_free(&out);
		}
}

/* T40 V1: what leaves has no CR or LF alone, and no line with a dot alone at its start but the
 * last. */
static void assert_wire(struct str wire)
{
	bool start = true;

	for (size_t i = 0; i < wire.n; i++) {
		char c = wire.p[i], next = i + 1 < wire.n ? wire.p[i + 1] : '\0';

		if (c == '\r')
			assert_int_equal(next, '\n');
		if (c == '\n')
			assert_true(i && wire.p[i - 1] == '\r');
		if (start && c == '.')
			assert_true(next == '.' || i + 3 == wire.n);
		if (start && c == '.' && next == '.')
			i++;
		start = c == '\n';
	}
	assert_true(str_ends(wire, STR(".\r\n")));
}

/* T40 V1: all strings of up to 6 bytes over {CR, LF, '.', NUL, 'a'}, cut at each byte. */
static void test_stuff_every_string(void **state)
{
	static const char letters[] = {'\r', '\n', '.', '\0', 'a'};
	size_t all = 1;

	for (size_t len = 0; len <= 6; len++, all *= sizeof(letters))
		for (size_t code = 0; code < all; code++) {
			char text[8];
			struct buf out;

			for (size_t i = 0, rest = code; i < len; i++, rest /= sizeof(letters))
				text[i] = letters[rest % sizeof(letters)];
			buf_init(&out, 100);
			for (size_t cut = 0; cut <= len; cut++) {
				struct smtp_stuff s;

				buf_clear(&out);
				smtp_stuff_init(&s);
				assert_true(smtp_stuff_feed(&s, str_at(text, cut), &out));
				assert_true(
				    smtp_stuff_feed(&s, str_at(text + cut, len - cut), &out));
				assert_true(smtp_stuff_end(&s, &out));
				assert_wire(buf_str(&out));
			}
			buf_free(&out);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_stuff),
	    cmocka_unit_test(test_stuff_every_string),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
