/* Structure: ranges nest, limits hold, and the cuts make no difference. */
#include "config.h"

#include "mime/mime.h"
#include "tests/fuzz/fuzz.h"

static const struct mime_limits limits = {
    .depth = 8, .parts = 50, .header_bytes = 2000, .params = 20};

static void walk(struct arena *a, const struct mime_part *p, struct mime_range in, struct buf *out)
{
	FUZZ_CHECK(p->header.start >= in.start && p->header.end == p->body.start);
	FUZZ_CHECK(p->body.start <= p->body.end && p->body.end <= in.end);
	FUZZ_CHECK(p->body.size >= p->body.end - p->body.start);
	FUZZ_CHECK(p->depth <= limits.depth && p->type.p && p->subtype.p && p->encoding.p);
	FUZZ_CHECK(p->child == NULL || p->multipart || p->message);
	buf_addf(out, "%.*s/%.*s %d %d %zu %zu %zu %zu %zu %zu (", STR_FMT(p->type),
	    STR_FMT(p->subtype), p->multipart, p->message, p->header.start, p->header.size,
	    p->header.lines, p->body.start, p->body.size, p->body.lines);
	for (const struct mime_param *q = p->params; q; q = q->next)
		buf_addf(out, "%.*s=%.*s;", STR_FMT(q->name), STR_FMT(q->value));
	struct str name = mime_param_value(a, p->disposition_params, "filename");
	buf_addf(out, "%.*s %.*s %.*s", STR_FMT(name), STR_FMT(p->id), STR_FMT(p->description));
	size_t at = p->body.start;
	for (const struct mime_part *c = p->child; c; c = c->next) {
		FUZZ_CHECK(c->parent == p && c->header.start >= at);
		walk(a, c, p->body, out);
		at = c->body.end;
	}
	buf_addc(out, ')');
}

static void describe(struct arena *a, size_t size, const struct mime_result *r, struct buf *out)
{
	FUZZ_CHECK(r->parts <= limits.parts);
	walk(a, r->root, (struct mime_range){.end = size}, out);
	buf_addf(out, " %x %u %zu %zu", r->faults, r->parts, r->header_bytes, r->longest_line);
}

static int in_pieces(struct arena *a, struct str in, size_t step, struct mime_result *r)
{
	struct mime_parser *p = mime_parser_new(a, &limits);
	if (!p)
		return -1;
	for (size_t at = 0, n; at < in.n; at += n) {
		n = 1 + (at * 31 + step) % step;
		n = n > in.n - at ? in.n - at : n;
		mime_parser_push(p, str_at(in.p + at, n));
	}
	return mime_parser_finish(p, r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(64 << 20);
	struct str in = str_at(data, size);
	struct mime_result r;
	struct buf whole, pieces;
	buf_init(&whole, 1 << 24);
	buf_init(&pieces, 1 << 24);
	FUZZ_CHECK(mime_parse(a, in, &limits, &r) == 0);
	describe(a, size, &r, &whole);
	for (size_t step = 1; step < 20; step += 6) {
		buf_clear(&pieces);
		FUZZ_CHECK(in_pieces(a, in, step, &r) == 0);
		describe(a, size, &r, &pieces);
		FUZZ_CHECK(str_eq(buf_str(&whole), buf_str(&pieces)));
	}
	buf_free(&whole);
	buf_free(&pieces);
	arena_free(a);
	return 0;
}
