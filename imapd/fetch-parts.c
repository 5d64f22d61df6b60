/* Items of FETCH that show parts of a message decoded: BINARY (RFC 3516) and PREVIEW (RFC 8970). */
#include "config.h"

#include "imapd/fetch-parts.h"
#include "imapd/preview.h"
#include "unicode/unicode.h"

#include <errno.h>

enum { SLICE = 32768, DECODED_SLICE = SLICE * 2 + 1024 };

static struct str body_of(const struct message *m, const struct mime_part *p)
{
	return str_at(m->text.p + p->body.start, p->body.end - p->body.start);
}

static bool encoded(const struct mime_part *p)
{
	return !p->multipart && !p->message && (p->cte == MIME_QP || p->cte == MIME_BASE64);
}

int binary_check(struct message *m, const struct fetch_item *it)
{
	const struct mime_part *root = it->depth ? message_mime(m) : NULL, *p;
	if (!it->depth)
		return message_all(m);
	if (!root)
		return -1;
	p = mime_find(root, it->path, it->depth);
	if (p && !p->multipart && !p->message && p->cte == MIME_UNKNOWN) {
		errno = ENOTSUP;
		return -1;
	}
	return 0;
}

typedef void piece_fn(void *ctx, struct str piece);

/* Line ends are CRLF before the decoding: what the sender encoded must not be taken for one. */
static void add_crlf(struct buf *out, struct str s, char *last)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\n' && *last != '\r')
			buf_addc(out, '\r');
		*last = s.p[i];
		buf_addc(out, s.p[i]);
	}
}

/* Slice by slice: a part may be larger than the memory that a session may use. */
static void decode_each(enum mime_cte cte, struct str raw, piece_fn *fn, void *ctx)
{
	struct mime_decoder d;
	struct buf lines, piece;
	char last = 0;
	buf_init(&lines, (size_t)SLICE * 2);
	buf_init(&piece, DECODED_SLICE);
	mime_decoder_init(&d, cte);
	while (raw.n) {
		struct str slice = str_head(raw, SLICE);
		raw = str_skip(raw, slice.n);
		buf_clear(&lines);
		if (cte == MIME_QP)
			add_crlf(&lines, slice, &last);
		mime_decode(&d, cte == MIME_QP ? buf_str(&lines) : slice, &piece);
		if (raw.n == 0)
			mime_decode_end(&d, &piece);
		fn(ctx, buf_str(&piece));
		buf_clear(&piece);
	}
	buf_free(&piece);
	buf_free(&lines);
}

static void measure(void *ctx, struct str piece)
{
	struct binary *b = ctx;
	b->size += piece.n;
	b->nul |= str_chr(piece, 0) >= 0;
}

void binary_open(struct message *m, const struct fetch_item *it, struct binary *b)
{
	const struct mime_part *p = NULL;
	*b = (struct binary){.cte = MIME_7BIT, .there = true, .raw = m->text};
	if (it->depth)
		p = mime_find(message_mime(m), it->path, it->depth);
	if (it->depth && !p) {
		b->there = false;
		return;
	}
	if (p)
		b->raw = body_of(m, p);
	if (p && encoded(p)) {
		b->cte = p->cte;
		decode_each(b->cte, b->raw, measure, b);
		return;
	}
	b->size = crlf_size(b->raw);
	b->nul = str_chr(b->raw, 0) >= 0;
}

struct range {
	struct session *s;
	uint64_t skip, count;
};

static void put_piece(void *ctx, struct str piece)
{
	struct range *r = ctx;
	uint64_t skip = r->skip < piece.n ? r->skip : piece.n;
	piece = str_skip(piece, (size_t)skip);
	r->skip -= skip;
	piece = str_head(piece, r->count < piece.n ? (size_t)r->count : piece.n);
	r->count -= piece.n;
	io_put(&r->s->io, piece);
}

void binary_put(struct session *s, const struct binary *b, uint64_t skip, uint64_t count)
{
	struct range r = {s, skip, count};
	if (b->cte == MIME_7BIT)
		io_put_crlf(&s->io, b->raw, skip, count);
	else
		decode_each(b->cte, b->raw, put_piece, &r);
}

/* ---- PREVIEW ---- */

static bool can_show(const struct mime_part *p, const char *subtype)
{
	return !p->child && !p->multipart && str_is(p->type, "text") &&
	       str_is(p->subtype, subtype) && !str_is(p->disposition, "attachment");
}

/* The first one in the order of the message; depth is bounded by the parser. */
static const struct mime_part *find_text(const struct mime_part *p, const char *subtype)
{
	if (can_show(p, subtype))
		return p;
	for (const struct mime_part *c = p->child; c; c = c->next) {
		const struct mime_part *found = p->message ? NULL : find_text(c, subtype);
		if (found)
			return found;
	}
	return NULL;
}

int preview_add(struct message *m, struct buf *out)
{
	const struct mime_part *root = message_mime(m), *p;
	struct mime_decoder d;
	struct buf raw;
	if (!root)
		return -1;
	p = find_text(root, "plain");
	bool is_html = !p;
	if (!p)
		p = find_text(root, "html");
	if (!p)
		return 0;
	buf_init(&raw, PREVIEW_LOOK_AT * 2);
	mime_decoder_init(&d, p->cte);
	mime_decode(&d, str_head(body_of(m, p), PREVIEW_LOOK_AT), &raw);
	mime_decode_end(&d, &raw);
	struct str text =
	    charset_to_utf8(m->arena, mime_param_raw(p->params, "charset"), buf_str(&raw));
	if (text.p)
		preview_text(text, is_html, out);
	buf_free(&raw);
	return 0;
}
