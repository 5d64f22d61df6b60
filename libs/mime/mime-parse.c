/*
 * The parser's line engine.  Every decision is taken on whole lines (a line that came in pieces is
 * put together first, as far as it can matter), so the result does not depend on the cuts.
 */
#include "config.h"

#include "mime/mime-private.h"
#include "unicode/unicode.h"

/* A longer line is no boundary: dashes, boundary, dashes, some blanks behind. */
enum { BODY_KEEP = MIME_BOUNDARY_MAX + 64 };

const struct mime_limits mime_default_limits = {
    .depth = 100, .parts = 10000, .header_bytes = 256 * 1024, .params = 200};

struct mime_parser *mime_parser_new(struct arena *a, const struct mime_limits *limits)
{
	struct mime_parser *p = arena_new_of(a, struct mime_parser);
	if (!p)
		return NULL;
	p->arena = a;
	p->limits = *limits;
	p->stack = arena_zero(a, (limits->depth + (size_t)2) * sizeof *p->stack);
	if (!p->stack || !mime_part_begin(p, NULL, p->pos))
		return NULL;
	p->r.root = p->stack[0].part;
	return p;
}

static bool text_add(struct mime_parser *p, struct mime_text *t, struct str s)
{
	if (s.n > t->cap - t->n) {
		size_t cap = t->cap ? t->cap * 2 : 512;
		while (cap - t->n < s.n)
			cap *= 2;
		char *more = arena_alloc(p->arena, cap);
		if (!more) {
			p->failed = true;
			return false;
		}
		if (t->n)
			memcpy(more, t->p, t->n);
		t->p = more;
		t->cap = cap;
	}
	if (s.n)
		memcpy(t->p + t->n, s.p, s.n);
	t->n += s.n;
	return true;
}

static void field_done(struct mime_parser *p)
{
	struct str field = str_at(p->field.p, p->field.n);
	if (field.n == 0)
		return;
	if (p->field_8bit && !utf8_valid(field))
		p->r.faults |= MIME_FAULT_HEADER_NOT_UTF8;
	p->field_8bit = false;
	mime_part_field(p, p->stack[p->open - 1].part, field);
	p->field.n = 0;
}

static void header_line(struct mime_parser *p, struct str line, size_t length)
{
	bool more = line.n && (line.p[0] == ' ' || line.p[0] == '\t');
	if (p->line_8bit)
		p->r.faults |= MIME_FAULT_HEADER_8BIT;
	if (!more)
		field_done(p);
	p->header_used += length;
	if (p->header_used > p->limits.header_bytes) {
		/* the fields that fitted were looked at; this one is dropped whole */
		p->r.faults |= MIME_FAULT_HEADER_SIZE;
		p->field.n = 0;
		return;
	}
	p->field_8bit = p->field_8bit || p->line_8bit;
	if (p->field.n)
		text_add(p, &p->field, STR("\n"));
	text_add(p, &p->field, line);
}

/* The line is complete: its start as far as it was kept, without its end; p->pos is behind it, n is
 * its true length. */
static void line_done(struct mime_parser *p, struct str line, size_t n, struct mime_pos end)
{
	bool last;
	struct mime_open *multipart = n < BODY_KEEP && str_starts(line, STR("--"))
					  ? mime_boundary_match(p, line, &last)
					  : NULL;
	if (multipart) {
		field_done(p);
		p->header_used = 0;
		mime_boundary_act(p, multipart, last);
	} else if (p->in_header && n == 0) {
		field_done(p);
		p->header_used = 0;
		mime_part_header_done(p, p->pos);
	} else if (p->in_header) {
		header_line(p, line, p->pos.at - p->line.at);
	}
	if (n > MIME_LINE_MAX)
		p->r.faults |= MIME_FAULT_LONG_LINE;
	if (n > p->r.longest_line)
		p->r.longest_line = n;
	p->line_end = end;
	p->line = p->pos;
	p->kept.n = 0;
	p->line_8bit = false;
}

/* Keeps what may matter of a line that is not complete. */
static void keep(struct mime_parser *p, struct str piece)
{
	size_t max = p->in_header ? p->limits.header_bytes + BODY_KEEP : BODY_KEEP;
	text_add(p, &p->kept, str_head(piece, max > p->kept.n ? max - p->kept.n : 0));
}

static bool declared_8bit(const struct mime_parser *p)
{
	enum mime_cte cte = p->stack[p->open - 1].part->cte;
	return cte == MIME_8BIT || cte == MIME_BINARY;
}

static void look_at_bytes(struct mime_parser *p, struct str s)
{
	if (str_has_8bit(s)) {
		p->line_8bit = true;
		if (!p->in_header) {
			p->stack[p->open - 1].part->has_8bit = true;
			p->r.faults |= MIME_FAULT_BODY_8BIT |
				       (declared_8bit(p) ? 0 : MIME_FAULT_UNDECLARED_8BIT);
		}
	}
	if (memchr(s.p, 0, s.n))
		p->r.faults |= MIME_FAULT_NUL;
	if (p->cr && s.p[0] != '\n')
		p->r.faults |= MIME_FAULT_BARE_CR;
	for (const char *at = s.p; (at = memchr(at, '\r', (size_t)(s.p + s.n - at)));) {
		if (++at == s.p + s.n)
			break; /* the next piece tells */
		if (*at != '\n')
			p->r.faults |= MIME_FAULT_BARE_CR;
	}
}

/* Moves the position behind the piece; where its line ends, *end is the place before the end. */
static void advance(struct mime_parser *p, struct str s, bool ends, struct mime_pos *end)
{
	bool crlf = ends && (s.n > 1 ? s.p[s.n - 2] == '\r' : p->cr);
	if (ends && !crlf)
		p->r.faults |= MIME_FAULT_BARE_LF;
	p->cr = s.p[s.n - 1] == '\r';
	p->pos.at += s.n;
	p->pos.size += s.n + (ends && !crlf);
	if (ends) {
		*end = p->pos;
		end->at -= crlf ? 2 : 1;
		end->size -= 2;
		p->pos.lines++;
	}
}

static void take(struct mime_parser *p, struct str piece, bool ends)
{
	struct mime_pos end = p->pos;
	bool whole = p->pos.at == p->line.at;
	look_at_bytes(p, piece);
	advance(p, piece, ends, &end);
	if (!ends || !whole)
		keep(p, piece);
	if (!ends || p->failed)
		return;
	size_t n = end.at - p->line.at;
	struct str line = whole ? piece : str_at(p->kept.p, p->kept.n);
	line_done(p, str_head(line, n), n, end);
}

bool mime_parser_push(struct mime_parser *p, struct str bytes)
{
	while (bytes.n && !p->failed) {
		ptrdiff_t lf = str_chr(bytes, '\n');
		size_t n = lf < 0 ? bytes.n : (size_t)lf + 1;
		take(p, str_head(bytes, n), lf >= 0);
		bytes = str_skip(bytes, n);
	}
	return !p->failed;
}

int mime_parser_finish(struct mime_parser *p, struct mime_result *out)
{
	if (p->cr)
		p->r.faults |= MIME_FAULT_BARE_CR;
	if (!p->failed && p->pos.at > p->line.at) { /* a last line without its end */
		size_t n = p->pos.at - p->line.at;
		line_done(p, str_at(p->kept.p, p->kept.n), n, p->pos);
	}
	if (p->failed)
		return -1;
	field_done(p);
	while (p->in_header)
		mime_part_header_done(p, p->pos);
	while (p->open)
		mime_part_end(p, p->pos);
	*out = p->r;
	return p->failed ? -1 : 0;
}

int mime_parse(
    struct arena *a, struct str message, const struct mime_limits *limits, struct mime_result *out)
{
	struct mime_parser *p = mime_parser_new(a, limits);
	if (!p)
		return -1;
	mime_parser_push(p, message);
	return mime_parser_finish(p, out);
}
