/* Items of FETCH that show parts of a message decoded: BINARY (RFC 3516) and PREVIEW (RFC 8970). */
#include "config.h"

#include "imapd/fetch-parts.h"
#include "imapd/preview.h"
#include "unicode/unicode.h"

#include <errno.h>

enum { BINARY_MAX = 256 << 20 }; /* bytes of one part before it is decoded */

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
	if (p && encoded(p) && p->body.end - p->body.start > BINARY_MAX) {
		errno = EFBIG;
		return -1;
	}
	return 0;
}

/* Line ends are CRLF before the decoding: what the sender encoded must not be taken for one. */
static bool add_crlf(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n && !out->failed; i++) {
		if (s.p[i] == '\n' && (i == 0 || s.p[i - 1] != '\r'))
			buf_addc(out, '\r');
		buf_addc(out, s.p[i]);
	}
	return !out->failed;
}

static bool decode(const struct mime_part *p, struct str raw, struct buf *out)
{
	struct mime_decoder d;
	struct buf lines;
	buf_init(&lines, (size_t)BINARY_MAX * 2);
	if (p->cte == MIME_QP) {
		add_crlf(&lines, raw);
		raw = buf_str(&lines);
	}
	mime_decoder_init(&d, p->cte);
	bool ok = !lines.failed && mime_decode(&d, raw, out) && mime_decode_end(&d, out);
	buf_free(&lines);
	return ok;
}

int binary_get(
    struct message *m, const struct fetch_item *it, struct buf *out, struct str *plain, bool *there)
{
	const struct mime_part *p;
	*plain = STR_NONE;
	*there = true;
	buf_init(out, (size_t)BINARY_MAX * 2);
	if (!it->depth) {
		*plain = m->text;
		return 0;
	}
	p = mime_find(message_mime(m), it->path, it->depth);
	if (!p)
		*there = false;
	else if (!encoded(p))
		*plain = body_of(m, p);
	else if (!decode(p, body_of(m, p), out))
		return -1;
	return 0;
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
