/*
 * Conversion of messages: the first byte chooses what is asked for.  Whatever the message, its
 * parts stay, decoded they are what they were, the result is 7-bit (where that was wanted and
 * nothing had to stay), and a second time nothing is left to do.
 */
#include "config.h"

#include "mime/mime.h"
#include "tests/fuzz/fuzz.h"

enum { OUT_MAX = 1 << 24 };

static const struct mime_limits wide = {
    .depth = 8, .parts = 50, .header_bytes = 1 << 20, .params = 200};

static bool leaf(const struct mime_part *p)
{
	return !p->multipart && !p->message;
}

/* What a reader sees of the part.  How lines end is not part of it. */
static void content(struct str in, const struct mime_part *p, struct buf *out)
{
	struct mime_decoder d;
	struct buf raw;
	buf_init(&raw, OUT_MAX);
	mime_decoder_init(&d, p->cte);
	mime_decode(&d, str_at(in.p + p->body.start, p->body.end - p->body.start), &raw);
	mime_decode_end(&d, &raw);
	for (size_t i = 0; i < raw.n; i++)
		if (raw.p[i] != '\r' || i + 1 == raw.n || raw.p[i + 1] != '\n')
			buf_addc(out, raw.p[i]);
	buf_free(&raw);
}

static void same_parts(
    struct str x, const struct mime_part *p, struct str y, const struct mime_part *q)
{
	struct buf a, b;
	FUZZ_CHECK(str_eq(p->type, q->type) && str_eq(p->subtype, q->subtype));
	FUZZ_CHECK(p->multipart == q->multipart && p->message == q->message);
	buf_init(&a, OUT_MAX);
	buf_init(&b, OUT_MAX);
	if (leaf(p)) {
		content(x, p, &a);
		content(y, q, &b);
		FUZZ_CHECK(str_eq(buf_str(&a), buf_str(&b)));
	}
	buf_free(&a);
	buf_free(&b);
	p = p->child;
	q = q->child;
	for (; p && q; p = p->next, q = q->next)
		same_parts(x, p, y, q);
	FUZZ_CHECK(!p && !q);
}

struct piecewise {
	struct str text;
};

static bool read_piece(void *ctx, char *p, size_t n, uint64_t at)
{
	struct piecewise *w = ctx;
	FUZZ_CHECK(at <= w->text.n && n <= w->text.n - at);
	memcpy(p, w->text.p + at, n);
	return true;
}

static bool convert(struct arena *a, struct str in, struct mime_part *root, unsigned flags,
    struct buf *out, bool *changes, unsigned *kept)
{
	struct piecewise w = {in};
	struct mime_source source = {read_piece, &w};
	const char *eol = str_find(in, STR("\r\n")) >= 0 ? "\r\n" : "\n";
	struct mime_convert *c = mime_convert_new(a, &source, root, flags, "us", eol);
	int r = 1;
	if (!c)
		return false;
	*changes = mime_convert_changes(c);
	*kept = mime_convert_kept(c);
	while ((r = mime_convert_next(c, out)) > 0)
		;
	FUZZ_CHECK(r == 0);
	return true;
}

static unsigned flags_of(uint8_t byte)
{
	unsigned flags = byte & 1 ? MIME_TO_8BIT : MIME_TO_7BIT;
	return flags | (byte & 2 ? MIME_TO_ASCII : 0) | (byte & 4 ? MIME_ADD_FIELDS : 0) |
	       (byte & 8 ? MIME_BREAK_SIGNED : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mime_result before, after;
	struct buf out, again;
	bool changes;
	unsigned kept;
	if (size < 1 || size > 60000)
		return 0;
	unsigned flags = flags_of(data[0]);
	struct arena *a = arena_new(256 << 20);
	struct str in = str_at(data + 1, size - 1);
	buf_init(&out, OUT_MAX);
	buf_init(&again, OUT_MAX);
	FUZZ_CHECK(mime_parse(a, in, &wide, &before) == 0);
	if (!convert(a, in, before.root, flags, &out, &changes, &kept))
		goto end;
	FUZZ_CHECK(changes || str_eq(in, buf_str(&out)));
	FUZZ_CHECK(mime_parse(a, buf_str(&out), &wide, &after) == 0);
	unsigned hard = MIME_FAULT_HEADER_8BIT | MIME_FAULT_PARTS | MIME_FAULT_PARAMS;
	if (before.faults & hard) /* a boundary may hold bytes that become others */
		goto end;
	FUZZ_CHECK(before.parts == after.parts);
	same_parts(in, before.root, buf_str(&out), after.root);
	if ((flags & MIME_TO_7BIT) && !kept)
		FUZZ_CHECK(!str_has_8bit(buf_str(&out)));
	FUZZ_CHECK(convert(a, buf_str(&out), after.root, flags, &again, &changes, &kept));
	FUZZ_CHECK(str_eq(buf_str(&again), buf_str(&out)));
end:
	buf_free(&out);
	buf_free(&again);
	arena_free(a);
	return 0;
}
