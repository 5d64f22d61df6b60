/* A message of any bytes becomes lines, or is refused: no CR is left in what is not. */
#include "config.h"

#include "mime/mime.h"
#include "tests/fuzz/fuzz.h"

enum { OUT_MAX = 1 << 24 };

static bool read_text(void *ctx, char *p, size_t n, uint64_t at)
{
	const struct str *s = ctx;
	if (at > s->n || n > s->n - at)
		return false;
	if (n)
		memcpy(p, s->p + at, n);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mime_limits wide = {
	    .depth = 8, .parts = 50, .header_bytes = 1 << 20, .params = 200};
	struct str in = str_at(data, size);
	struct mime_source source = {read_text, &in};
	struct arena *a = arena_new(64 * 1024 * 1024);
	struct mime_parser *p = mime_parser_new(a, &wide);
	struct mime_result m;
	struct buf out;
	buf_init(&out, OUT_MAX);
	mime_parser_push(p, in);
	if (mime_parser_finish(p, &m) == 0) {
		struct mime_convert *c =
		    mime_convert_new(a, &source, m.root, MIME_TO_LINES, "me", "\n");
		int r = c ? 1 : -1;
		while (r > 0)
			r = mime_convert_next(c, &out);
		FUZZ_CHECK(!c || r == 0);
		if (c && !mime_convert_bare(c))
			FUZZ_CHECK(str_chr(buf_str(&out), '\r') < 0);
	}
	buf_free(&out);
	arena_free(a);
	return 0;
}
