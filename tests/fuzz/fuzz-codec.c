/* Quoted-printable and base64: cuts make no difference; what is encoded comes back. */
#include "config.h"

#include "mime/mime.h"
#include "tests/fuzz/fuzz.h"

static void decode(enum mime_cte cte, struct str in, size_t step, struct buf *out)
{
	struct mime_decoder d;
	mime_decoder_init(&d, cte);
	for (size_t at = 0; at < in.n; at += step)
		mime_decode(&d, str_head(str_at(in.p + at, in.n - at), step), out);
	FUZZ_CHECK(mime_decode_end(&d, out));
}

static void round_trip(enum mime_cte cte, struct str in)
{
	struct mime_encoder e;
	struct buf out, back;
	buf_init(&out, in.n * 5 + 100);
	buf_init(&back, in.n * 2 + 100);
	mime_encoder_init(&e, cte, "\n");
	for (size_t at = 0; at < in.n; at += 5)
		mime_encode(&e, str_head(str_at(in.p + at, in.n - at), 5), &out);
	FUZZ_CHECK(mime_encode_end(&e, &out));
	decode(cte, buf_str(&out), out.n + 1, &back);
	struct str line;
	for (struct str rest = buf_str(&out); str_split(&rest, '\n', &line);)
		FUZZ_CHECK(line.n <= 76);
	if (cte == MIME_BASE64 || str_find(in, STR("\r\n")) < 0)
		FUZZ_CHECK(str_eq(buf_str(&back), in));
	buf_free(&out);
	buf_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_at(data, size);
	struct buf whole, pieces;
	buf_init(&whole, size + 1);
	buf_init(&pieces, size + 1);
	for (enum mime_cte cte = MIME_QP; cte <= MIME_BASE64; cte++) {
		buf_clear(&whole);
		decode(cte, in, size + 1, &whole);
		for (size_t step = 1; step < 8; step += 2) {
			buf_clear(&pieces);
			decode(cte, in, step, &pieces);
			FUZZ_CHECK(str_eq(buf_str(&whole), buf_str(&pieces)));
		}
		round_trip(cte, in);
	}
	buf_free(&whole);
	buf_free(&pieces);
	return 0;
}
