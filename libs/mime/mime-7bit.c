#include "config.h"

#include "mime/mime.h"
#include "rfc822/rfc822.h"

enum { SLICE = 32 * 1024 }; /* bytes encoded at a time */

struct work {
	struct str message;
	const char *by, *eol;
	bool (*write)(void *ctx, struct str piece);
	void *ctx;
	struct buf out;
};

static bool put(struct work *w, size_t from, size_t to)
{
	return from == to || w->write(w->ctx, str_at(w->message.p + from, to - from));
}

static bool flush(struct work *w)
{
	bool ok = !w->out.failed && (w->out.n == 0 || w->write(w->ctx, buf_str(&w->out)));
	buf_clear(&w->out);
	return ok;
}

static bool container(const struct mime_part *p)
{
	return p->multipart || p->message;
}

/* Is the part itself (not what is inside) to be changed? */
static bool changes(const struct mime_part *p)
{
	if (container(p))
		return p->has_8bit || p->cte == MIME_8BIT || p->cte == MIME_BINARY;
	return p->has_8bit || p->cte == MIME_BINARY;
}

static enum mime_cte new_cte(const struct mime_part *p)
{
	if (container(p))
		return MIME_7BIT;
	if (p->cte != MIME_7BIT && p->cte != MIME_8BIT && p->cte != MIME_BINARY)
		return p->cte; /* encoded already, though not well */
	return str_is(p->type, "text") ? MIME_QP : MIME_BASE64;
}

static const char *cte_name(enum mime_cte cte)
{
	return cte == MIME_QP ? "quoted-printable" : cte == MIME_BASE64 ? "base64" : "7bit";
}

static bool put_header(struct work *w, const struct mime_part *p)
{
	struct str header = str_at(w->message.p + p->header.start, p->header.end - p->header.start);
	struct header_field f;
	enum mime_cte cte = new_cte(p);
	if (!changes(p) || cte == p->cte)
		return put(w, p->header.start, p->header.end);
	while (header_next(&header, &f))
		if (!str_iis(f.name, "Content-Transfer-Encoding"))
			if (!w->write(w->ctx, f.raw))
				return false;
	if (p->header.end > p->header.start && w->message.p[p->header.end - 1] != '\n')
		buf_addz(&w->out, w->eol); /* a header without end: there is nothing behind it */
	buf_addf(&w->out, "Content-Transfer-Encoding: %s%s", cte_name(cte), w->eol);
	if (!container(p))
		buf_addf(&w->out, "X-Mime-Autoconverted: from %s to %s by %s%s",
		    p->cte == MIME_BINARY ? "binary" : "8bit", cte_name(cte), w->by, w->eol);
	if (header.n) /* a boundary may stand where the empty line should */
		buf_addz(&w->out, w->eol);
	return flush(w);
}

/* Bytes that have no business here: escaped where there is an escape, else a star, which no proper
 * boundary has in it. */
static bool put_repaired(struct work *w, size_t from, size_t to, bool qp)
{
	for (size_t i = from; i < to; i++) {
		char c = w->message.p[i];
		if (!(c & 0x80))
			buf_addc(&w->out, c);
		else if (qp)
			buf_addf(&w->out, "=%02X", (unsigned char)c);
		else
			buf_addc(&w->out, '*');
		if (w->out.n > SLICE && !flush(w))
			return false;
	}
	return flush(w);
}

static bool put_encoded(struct work *w, const struct mime_part *p)
{
	struct mime_encoder e;
	struct str body = str_at(w->message.p + p->body.start, p->body.end - p->body.start);
	mime_encoder_init(&e, new_cte(p), w->eol);
	while (body.n) {
		if (!mime_encode(&e, str_head(body, SLICE), &w->out) || !flush(w))
			return false;
		body = str_skip(body, SLICE);
	}
	return mime_encode_end(&e, &w->out) && flush(w);
}

static bool put_leaf(struct work *w, const struct mime_part *p)
{
	if (!changes(p))
		return put(w, p->body.start, p->body.end);
	if (new_cte(p) == p->cte)
		return put_repaired(w, p->body.start, p->body.end, p->cte == MIME_QP);
	return put_encoded(w, p);
}

/* Preamble, boundaries, epilogue. */
static bool put_between(struct work *w, const struct mime_part *p, size_t from, size_t to)
{
	return p->has_8bit ? put_repaired(w, from, to, false) : put(w, from, to);
}

static bool put_part(struct work *w, const struct mime_part *p)
{
	if (!put_header(w, p))
		return false;
	if (!container(p))
		return put_leaf(w, p);
	size_t at = p->body.start;
	for (const struct mime_part *c = p->child; c; c = c->next) {
		if (!put_between(w, p, at, c->header.start) || !put_part(w, c))
			return false;
		at = c->body.end;
	}
	return put_between(w, p, at, p->body.end);
}

bool mime_to_7bit(struct str message, const struct mime_part *root, const char *by,
    bool (*write)(void *ctx, struct str piece), void *ctx)
{
	struct work w = {.message = message, .by = by, .write = write, .ctx = ctx};
	ptrdiff_t lf = str_chr(message, '\n');
	w.eol = lf > 0 && message.p[lf - 1] == '\r' ? "\r\n" : "\n";
	buf_init(&w.out, SLICE * 8);
	bool ok = put_part(&w, root);
	buf_free(&w.out);
	return ok;
}
