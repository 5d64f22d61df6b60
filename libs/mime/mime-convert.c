/* Carries a plan out, a slice at a time. */
#include "config.h"

#include "mime/mime-convert.h"

enum { SLICE = 32 * 1024 };

/* ---- can quoted-printable be decoded in place? ----------------------------------------------- */

struct line_check {
	const struct mime_part *part;
	size_t column;
	bool dashes; /* the line began with "--" */
	char start[MIME_BOUNDARY_MAX + 4];
	bool bad, eight;
};

/* A line that looks like a boundary around the part would become one. */
static bool like_boundary(const struct line_check *k)
{
	struct str line =
	    str_at(k->start, k->column < sizeof k->start ? k->column : sizeof k->start);
	for (const struct mime_part *p = k->part->parent; p; p = p->parent) {
		struct str b = p->multipart ? mime_param_raw(p->params, "boundary") : STR_NONE;
		while (b.n && (b.p[b.n - 1] == ' ' || b.p[b.n - 1] == '\t'))
			b.n--;
		if (b.n && str_starts(str_skip(line, 2), b))
			return true;
	}
	return false;
}

static void check_byte(struct line_check *k, unsigned char ch)
{
	if (ch == '\n') {
		k->bad = k->bad || (k->column >= 2 && k->dashes && like_boundary(k));
		k->column = 0;
		k->dashes = true;
		return;
	}
	if (k->column < sizeof k->start)
		k->start[k->column] = (char)ch;
	if (k->column < 2)
		k->dashes = k->dashes && ch == '-';
	k->column++;
	k->eight = k->eight || ch >= 0x80;
	/* CR that was encoded is not part of a line end */
	if (ch == 0 || ch == '\r' || k->column > MIME_LINE_MAX)
		k->bad = true;
}

static void check_text(struct line_check *k, struct str s)
{
	for (size_t i = 0; i < s.n && !k->bad; i++)
		check_byte(k, (unsigned char)s.p[i]);
}

bool mime_plan_decodes(struct mime_convert *c, const struct mime_part *p)
{
	static char piece[4096];
	struct line_check k = {.part = p, .dashes = true};
	struct mime_decoder d;
	struct buf out;
	if (!str_is(p->type, "text"))
		return false;
	mime_decoder_init(&d, MIME_QP);
	buf_init(&out, 4 * sizeof piece);
	for (size_t at = p->body.start; at < p->body.end && !k.bad && !c->failed;) {
		size_t n = p->body.end - at < sizeof piece ? p->body.end - at : sizeof piece;
		c->failed = !c->source->read(c->source->ctx, piece, n, at);
		buf_clear(&out);
		if (!c->failed && mime_decode(&d, str_at(piece, n), &out))
			check_text(&k, buf_str(&out));
		at += n;
	}
	buf_clear(&out);
	mime_decode_end(&d, &out);
	check_text(&k, buf_str(&out));
	check_byte(&k, '\n');
	buf_free(&out);
	return !k.bad && !d.damaged && k.eight && !c->failed;
}

bool mime_plan_is_binary(struct mime_convert *c, const struct mime_part *p)
{
	static char piece[4096];
	bool cr = false, binary = false;
	for (size_t at = p->body.start; at < p->body.end && !binary && !c->failed;) {
		size_t n = p->body.end - at < sizeof piece ? p->body.end - at : sizeof piece;
		c->failed = !c->source->read(c->source->ctx, piece, n, at);
		for (size_t i = 0; i < n && !c->failed; i++) {
			binary |= !piece[i] || cr != (piece[i] == '\n');
			cr = piece[i] == '\r';
		}
		at += n;
	}
	return binary || cr;
}

/* ---- carrying out ---------------------------------------------------------------------------- */

struct mime_convert *mime_convert_new(struct arena *a, const struct mime_source *s,
    struct mime_part *root, unsigned flags, const char *by, const char *eol)
{
	struct mime_convert *c = arena_new_of(a, struct mime_convert);
	if (!c)
		return NULL;
	*c = (struct mime_convert){.arena = a, .source = s, .by = by, .eol = eol, .flags = flags};
	mime_plan(c, root);
	c->at = c->first;
	return c->failed ? NULL : c;
}

bool mime_convert_changes(const struct mime_convert *c)
{
	return c->changed;
}

bool mime_convert_in_header(const struct mime_convert *c)
{
	return c->at && c->at->header;
}

unsigned mime_convert_kept(const struct mime_convert *c)
{
	return c->kept;
}

bool mime_convert_bare(const struct mime_convert *c)
{
	return c->bare || c->cr;
}

static void repair(struct mime_convert *c, bool escape, struct str in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		unsigned char ch = (unsigned char)in.p[i];
		/* "--a=E4" may be a boundary where the byte E4 was none */
		bool dash = escape && c->line_start && ch == '-';
		if (escape && (dash || ch >= 0x80))
			buf_addf(out, "=%02X", ch);
		else
			buf_addc(out, ch >= 0x80 ? '*' : (char)ch);
		c->line_start = ch == '\n';
	}
}

/* CRLF becomes LF. */
static void lines(struct mime_convert *c, struct str in, struct buf *out)
{
	while (in.n && !out->failed) {
		const char *cr = memchr(in.p, '\r', in.n);
		size_t run = c->cr ? 0 : cr ? (size_t)(cr - in.p) : in.n;
		/* what has no CR before it must have no LF in it */
		c->bare |= run && memchr(in.p, '\n', run);
		buf_add(out, in.p, run);
		in = str_skip(in, run);
		if (!in.n)
			break;
		c->bare |= c->cr && in.p[0] != '\n';
		if (in.p[0] != '\r')
			buf_addc(out, in.p[0]);
		c->cr = in.p[0] == '\r';
		in = str_skip(in, 1);
	}
}

static void transform(
    struct mime_convert *c, const struct segment *s, struct str in, struct buf *out)
{
	if (s->kind == SEGMENT_COPY && (c->flags & MIME_TO_LINES)) {
		lines(c, in, out);
	} else if (s->kind == SEGMENT_COPY) {
		buf_adds(out, in);
	} else if (s->kind == SEGMENT_QP || s->kind == SEGMENT_BASE64) {
		mime_encode(&c->encoder, in, out);
	} else if (s->kind == SEGMENT_DECODE) {
		mime_decode(&c->decoder, in, out);
	} else {
		repair(c, s->kind == SEGMENT_ESCAPE, in, out);
	}
}

static void segment_ends(struct mime_convert *c, struct buf *out)
{
	if (c->at->kind == SEGMENT_QP || c->at->kind == SEGMENT_BASE64)
		mime_encode_end(&c->encoder, out);
	else if (c->at->kind == SEGMENT_DECODE)
		mime_decode_end(&c->decoder, out);
	c->at = c->at->next;
	c->done = 0;
}

int mime_convert_next(struct mime_convert *c, struct buf *out)
{
	static char slice[SLICE];
	struct segment *s = c->at;
	if (!s)
		return 0;
	if (c->done == 0) {
		mime_encoder_init(
		    &c->encoder, s->kind == SEGMENT_BASE64 ? MIME_BASE64 : MIME_QP, c->eol);
		c->encoder.guard_dashes = true;
		c->line_start = true;
		mime_decoder_init(&c->decoder, MIME_QP);
	}
	size_t size = s->kind == SEGMENT_TEXT ? s->text.n : s->to - s->from;
	size_t left = size - c->done, n = left < SLICE ? left : SLICE;
	if (s->kind == SEGMENT_TEXT)
		buf_adds(out, str_head(str_skip(s->text, c->done), n));
	else if (!c->source->read(c->source->ctx, slice, n, s->from + c->done))
		return -1;
	else
		transform(c, s, str_at(slice, n), out);
	c->done += n;
	if (c->done == size)
		segment_ends(c, out);
	return out->failed ? -1 : 1;
}

/* ---- from memory ----------------------------------------------------------------------------- */

static bool read_text(void *ctx, char *p, size_t n, uint64_t at)
{
	const struct str *text = ctx;
	if (at > text->n || n > text->n - at)
		return false;
	memcpy(p, text->p + at, n);
	return true;
}

bool mime_convert_text(struct arena *a, struct str message, struct mime_part *root, unsigned flags,
    const char *by, struct buf *out)
{
	ptrdiff_t lf = str_chr(message, '\n');
	struct mime_source source = {read_text, &message};
	struct mime_convert *c = mime_convert_new(
	    a, &source, root, flags, by, lf > 0 && message.p[lf - 1] == '\r' ? "\r\n" : "\n");
	int r = c ? 1 : -1;
	while (r > 0)
		r = mime_convert_next(c, out);
	return r == 0;
}
