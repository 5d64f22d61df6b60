/* Plans a conversion.  Recursion is bounded by the parser's limit of depth. */
#include "config.h"

#include "mime/mime-convert.h"
#include <stdlib.h>

enum { HEADER_BLOCK_MAX = 1024 * 1024, FIELD_MAX = 256 * 1024 };

static bool container(const struct mime_part *p)
{
	return p->multipart || p->message;
}

static bool identity(const struct mime_part *p)
{
	return p->cte == MIME_7BIT || p->cte == MIME_8BIT || p->cte == MIME_BINARY;
}

static void add(struct mime_convert *c, enum segment_kind kind, size_t from, size_t to)
{
	if (c->failed || from >= to)
		return;
	if (kind != SEGMENT_COPY)
		c->changed = true;
	if (kind == SEGMENT_COPY && c->last && c->last->kind == kind && c->last->to == from &&
	    c->last->header == c->in_header) {
		c->last->to = to;
		return;
	}
	struct segment *s = arena_new_of(c->arena, struct segment);
	if (!s) {
		c->failed = true;
		return;
	}
	*s = (struct segment){.kind = kind, .header = c->in_header, .from = from, .to = to};
	*c->end = c->last = s;
	c->end = &s->next;
}

static void add_text(struct mime_convert *c, struct str text)
{
	struct segment *s = text.n ? arena_new_of(c->arena, struct segment) : NULL;
	if (text.n == 0)
		return;
	if (s)
		*s = (struct segment){.kind = SEGMENT_TEXT,
		    .header = c->in_header,
		    .text = arena_str(c->arena, text)};
	if (!s || !s->text.p) {
		c->failed = true;
		return;
	}
	c->changed = true;
	*c->end = c->last = s;
	c->end = &s->next;
}

/* ---- what is done with a part ---------------------------------------------------------------- */

enum work {
	KEEP,
	ENCODE, /* the body becomes quoted-printable */
	BASE64, /* ... base64 */
	DECODE, /* quoted-printable becomes 8-bit */
	REPAIR, /* 8-bit bytes in what says it is encoded */
};

static bool is_signed(const struct mime_part *p)
{
	return p->multipart && str_is(p->subtype, "signed");
}

static bool untouchable(const struct mime_convert *c, const struct mime_part *p)
{
	for (p = p->parent; p && !(c->flags & MIME_BREAK_SIGNED); p = p->parent)
		if (is_signed(p))
			return true;
	return false;
}

/* Reads the part, so once is enough. */
static bool decodes(struct mime_convert *c, struct mime_part *p)
{
	if (!p->decodes)
		p->decodes = mime_plan_decodes(c, p) ? 1 : -1;
	return p->decodes > 0;
}

static enum work work_of(struct mime_convert *c, struct mime_part *p)
{
	if (container(p) || untouchable(c, p))
		return KEEP;
	if (c->flags & MIME_TO_LINES)
		return identity(p) && (p->cte == MIME_BINARY || mime_plan_is_binary(c, p)) ? BASE64
											   : KEEP;
	if (c->flags & MIME_TO_8BIT)
		return p->cte == MIME_QP && decodes(c, p) ? DECODE : KEEP;
	if (!(c->flags & MIME_TO_7BIT))
		return KEEP;
	if (identity(p))
		return p->has_8bit || p->cte == MIME_BINARY ? ENCODE : KEEP;
	/* nobody knows what an unknown encoding makes of a byte */
	return p->has_8bit && p->cte != MIME_UNKNOWN ? REPAIR : KEEP;
}

/* Whether 8-bit bytes will be left in the part or below it. */
static bool will_have_8bit(struct mime_convert *c, struct mime_part *p)
{
	bool left = p->has_8bit;
	if ((c->flags & MIME_TO_LINES) && work_of(c, p) == BASE64)
		left = false;
	if ((c->flags & MIME_TO_7BIT) && !untouchable(c, p) && p->cte != MIME_UNKNOWN)
		left = false;
	if ((c->flags & MIME_TO_8BIT) && work_of(c, p) == DECODE)
		left = true;
	for (struct mime_part *q = p->child; q && !left; q = q->next)
		left = will_have_8bit(c, q);
	return left;
}

/* The encoding a part is to name; its own one when nothing is to be said. */
static enum mime_cte new_encoding(struct mime_convert *c, struct mime_part *p, enum work work)
{
	if (work == ENCODE)
		return MIME_QP;
	if (work == BASE64)
		return MIME_BASE64;
	if (work == DECODE)
		return MIME_8BIT;
	if (!container(p) || untouchable(c, p))
		return p->cte;
	if ((c->flags & MIME_TO_LINES) && p->cte == MIME_BINARY)
		return will_have_8bit(c, p) ? MIME_8BIT : MIME_7BIT;
	if ((c->flags & MIME_TO_7BIT) && (p->cte == MIME_8BIT || p->cte == MIME_BINARY) &&
	    !will_have_8bit(c, p))
		return MIME_7BIT;
	if ((c->flags & MIME_TO_8BIT) && p->cte == MIME_7BIT && will_have_8bit(c, p))
		return MIME_8BIT;
	return p->cte;
}

/* ---- headers --------------------------------------------------------------------------------- */

static const char *cte_name(enum mime_cte cte)
{
	return cte == MIME_QP       ? "quoted-printable"
	       : cte == MIME_BASE64 ? "base64"
	       : cte == MIME_8BIT   ? "8bit"
				    : "7bit";
}

static void add_new_fields(
    struct mime_convert *c, struct mime_part *p, enum mime_cte to, enum work work)
{
	char *text =
	    arena_printf(c->arena, "Content-Transfer-Encoding: %s%s", cte_name(to), c->eol);
	add_text(c, str_of(text));
	if (work != ENCODE && work != DECODE && work != BASE64)
		return;
	const char *from = work == DECODE ? "quoted-printable" : work == BASE64 ? "binary" : "8bit";
	text = arena_printf(c->arena, "X-Mime-Autoconverted: from %s to %s by %s%s",
	    p->cte == MIME_BINARY ? "binary" : from, cte_name(to), c->by, c->eol);
	add_text(c, str_of(text));
}

/* A root whose body is to be understood must say that it is MIME. */
static void add_missing_fields(struct mime_convert *c, struct str header, bool converted)
{
	struct header_field f;
	bool version = header_find(header, "MIME-Version", &f);
	bool type = header_find(header, "Content-Type", &f);
	bool encoding = header_find(header, "Content-Transfer-Encoding", &f);
	bool plain = (c->flags & MIME_ADD_FIELDS) && !version && !type;
	struct buf b;
	buf_init(&b, 1024);
	if (!version && (converted || plain))
		buf_addf(&b, "MIME-Version: 1.0%s", c->eol);
	if (!type && (converted || plain))
		buf_addf(&b, "Content-Type: text/plain; charset=utf-8%s", c->eol);
	if (plain && !converted && !encoding)
		buf_addf(&b, "Content-Transfer-Encoding: 8bit%s", c->eol);
	add_text(c, buf_str(&b));
	buf_free(&b);
}

static void plan_field(struct mime_convert *c, const struct mime_part *p,
    const struct header_field *f, size_t at, bool drop)
{
	struct buf b;
	if (drop) {
		c->changed = true;
		return;
	}
	bool fixed = untouchable(c, p);
	if (fixed && str_has_8bit(f->raw) && (c->flags & MIME_TO_ASCII))
		c->kept |= MIME_KEPT_HEADER;
	if (fixed || !(c->flags & MIME_TO_ASCII) || !str_has_8bit(f->raw)) {
		add(c, SEGMENT_COPY, at, at + f->raw.n);
		return;
	}
	buf_init(&b, 12 * f->raw.n + 4096);
	int r = f->raw.n > FIELD_MAX ? -1 : mime_header_to_ascii(c->arena, f->raw, c->eol, &b);
	if (r == 0)
		c->kept |= MIME_KEPT_HEADER;
	if (r < 0)
		c->failed = true;
	add_text(c, buf_str(&b));
	buf_free(&b);
}

static void plan_fields(
    struct mime_convert *c, struct mime_part *p, struct str block, enum work work, enum mime_cte to)
{
	bool encoding = to != p->cte || work == ENCODE || work == DECODE || work == BASE64;
	bool whole = (block.n == 0 || block.p[block.n - 1] == '\n');
	struct header_field f;
	struct str rest = block;
	while (header_next(&rest, &f)) {
		size_t at = p->header.start + (size_t)(f.raw.p - block.p);
		plan_field(c, p, &f, at, encoding && str_iis(f.name, "Content-Transfer-Encoding"));
	}
	if (!whole && encoding) /* a header without end: there is nothing behind it */
		add_text(c, str_of(c->eol));
	if (!p->parent)
		add_missing_fields(c, block, encoding && !container(p));
	if (encoding)
		add_new_fields(c, p, to, work);
	/* the empty line; a boundary may stand where it should */
	size_t end = p->header.start + (size_t)(rest.p - block.p);
	add(c, SEGMENT_COPY, end, p->header.end);
}

static void plan_header(struct mime_convert *c, struct mime_part *p, enum work work)
{
	size_t n = p->header.end - p->header.start;
	enum mime_cte to = new_encoding(c, p, work);
	bool fields = to != p->cte || work == ENCODE || work == DECODE || work == BASE64 ||
		      (!p->parent && (c->flags & MIME_ADD_FIELDS)) || (c->flags & MIME_TO_ASCII);
	if (!fields || n == 0) {
		add(c, SEGMENT_COPY, p->header.start, p->header.end);
		return;
	}
	char *block = n > HEADER_BLOCK_MAX ? NULL : malloc(n);
	if (!block || !c->source->read(c->source->ctx, block, n, p->header.start))
		c->failed = true;
	else
		plan_fields(c, p, str_at(block, n), work, to);
	free(block);
}

/* ---- parts ----------------------------------------------------------------------------------- */

/* Preamble, boundaries, epilogue. */
static void plan_between(struct mime_convert *c, const struct mime_part *p, size_t from, size_t to)
{
	bool stars = p->has_8bit && (c->flags & MIME_TO_7BIT) && !untouchable(c, p);
	add(c, stars ? SEGMENT_STARS : SEGMENT_COPY, from, to);
}

static void plan_leaf(struct mime_convert *c, const struct mime_part *p, enum work work)
{
	static const enum segment_kind kinds[] = {[KEEP] = SEGMENT_COPY,
	    [ENCODE] = SEGMENT_QP,
	    [BASE64] = SEGMENT_BASE64,
	    [DECODE] = SEGMENT_DECODE};
	enum segment_kind kind = kinds[work == REPAIR ? KEEP : work];
	if (work == REPAIR)
		kind = p->cte == MIME_QP ? SEGMENT_ESCAPE : SEGMENT_STARS;
	if (work == KEEP && p->has_8bit && (c->flags & MIME_TO_7BIT))
		c->kept |= MIME_KEPT_BODY;
	add(c, kind, p->body.start, p->body.end);
}

static void plan_part(struct mime_convert *c, struct mime_part *p)
{
	enum work work = work_of(c, p);
	c->in_header = !p->parent;
	plan_header(c, p, work);
	c->in_header = false;
	if (!container(p)) {
		plan_leaf(c, p, work);
		return;
	}
	if (p->has_8bit && untouchable(c, p) && (c->flags & MIME_TO_7BIT))
		c->kept |= MIME_KEPT_BODY;
	size_t at = p->body.start;
	for (struct mime_part *q = p->child; q; q = q->next) {
		plan_between(c, p, at, q->header.start);
		plan_part(c, q);
		at = q->body.end;
	}
	plan_between(c, p, at, p->body.end);
}

void mime_plan(struct mime_convert *c, struct mime_part *root)
{
	c->end = &c->first;
	plan_part(c, root);
}
