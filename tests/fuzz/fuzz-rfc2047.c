/* Encoded words, parameters, charsets: always UTF-8, never a line end; encoding comes back. */
#include "config.h"

#include "mime/mime.h"
#include "unicode/unicode.h"
#include "tests/fuzz/fuzz.h"

static void check_text(struct str s)
{
	FUZZ_CHECK(s.p && utf8_valid(s));
}

static void params(struct arena *a, struct str in)
{
	struct mime_type t;
	if (!mime_type_parse(a, in, 50, &t, NULL))
		return;
	struct str v = mime_param_value(a, t.params, "name");
	if (v.p)
		check_text(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(64 << 20);
	struct str in = str_at(data, size), s;
	charset_allow_iconv(size % 2 == 0);
	s = mime_words_decode(a, in);
	check_text(s);
	params(a, in);
	check_text(unicode_casefold(a, s));
	if (utf8_valid(in) && str_has_8bit(in) && !str_has_ctl(in)) {
		struct buf out;
		buf_init(&out, size * 20 + 100);
		FUZZ_CHECK(mime_words_encode(&out, in, false, size % 80, "\n"));
		struct str line, back = mime_words_decode(a, str_trim(buf_str(&out)));
		FUZZ_CHECK(str_eq(back, in));
		for (struct str rest = buf_str(&out); str_split(&rest, '\n', &line);)
			FUZZ_CHECK(line.n <= 76);
		buf_free(&out);
	}
	arena_free(a);
	return 0;
}
