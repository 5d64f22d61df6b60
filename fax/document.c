#include "config.h"

#include "fax/fax.h"
#include "rfc822/rfc822.h"
#include "unicode/unicode.h"

struct reader {
	struct arena *arena;
	struct str message;
	struct fax_document *out;
	bool first; /* no part has been seen yet */
	bool failed;
};

static struct str header_text(struct arena *a, struct str block, const char *name)
{
	struct header_field f;
	if (!header_find(block, name, &f))
		return STR_NONE;
	return mime_words_decode(a, header_unfold(a, f.body));
}

/* The name if there is one, else the address. */
static struct str person(struct arena *a, struct str block, const char *name)
{
	struct header_field f;
	struct mailaddr_list list;
	if (!header_find(block, name, &f) || mailaddr_parse(a, f.body, 1, &list) < 0)
		return STR_NONE;
	for (const struct mailaddr *m = list.first; m; m = m->next) {
		if (m->kind != MAILADDR_MAILBOX)
			continue;
		struct str words = m->name.n ? m->name : m->comment;
		return words.n ? mime_words_decode(a, words) : m->spec;
	}
	return STR_NONE;
}

static struct str decoded(struct reader *r, const struct mime_part *p)
{
	struct mime_decoder d;
	struct buf b;
	struct str raw = str_skip(str_head(r->message, p->body.end), p->body.start);
	buf_init(&b, FAX_MESSAGE_MAX);
	mime_decoder_init(&d, p->cte);
	struct str out = STR_NONE;
	if (mime_decode(&d, raw, &b) && mime_decode_end(&d, &b))
		out = arena_str(r->arena, buf_str(&b));
	buf_free(&b);
	r->failed |= !out.p;
	return out;
}

static struct str page_text(struct reader *r, const struct mime_part *p)
{
	struct buf b;
	struct str raw = decoded(r, p);
	struct str utf8 = charset_to_utf8(r->arena, mime_param_raw(p->params, "charset"), raw);
	buf_init(&b, FAX_MESSAGE_MAX);
	struct str out = STR_NONE;
	if (fax_text_layout(utf8.p ? utf8 : raw, &b))
		out = arena_str(r->arena, buf_str(&b));
	buf_free(&b);
	r->failed |= !out.p;
	return out;
}

/* "image-png.filter"; what could be a path or worse is no name at all. */
static struct str filter_name(struct arena *a, const struct mime_part *p)
{
	struct str type =
	    str_of(arena_printf(a, "%.*s-%.*s", STR_FMT(p->type), STR_FMT(p->subtype)));
	for (size_t i = 0; i < type.n; i++)
		if (!ascii_alnum((unsigned char)type.p[i]) && !strchr("-+._", type.p[i]))
			return STR("unknown.filter");
	return str_of(arena_printf(a, "%.*s.filter", STR_FMT(type)));
}

static void leaf(struct reader *r, const struct mime_part *p)
{
	struct fax_document *d = r->out;
	bool text = str_is(p->type, "text") && str_is(p->subtype, "plain");
	bool cover = text && r->first;
	r->first = false;
	if (cover) {
		d->cover.text = page_text(r, p);
		return;
	}
	if (d->n == FAX_PARTS_MAX) {
		d->full = true;
		return;
	}
	struct fax_part *f = &d->parts[d->n++];
	f->type =
	    str_of(arena_printf(r->arena, "%.*s/%.*s", STR_FMT(p->type), STR_FMT(p->subtype)));
	f->name = filter_name(r->arena, p);
	f->data = text ? page_text(r, p) : decoded(r, p);
}

/* Of alternatives the plain text, else the first. */
static const struct mime_part *chosen(const struct mime_part *multipart)
{
	for (const struct mime_part *p = multipart->child; p; p = p->next)
		if (str_is(p->type, "text") && str_is(p->subtype, "plain"))
			return p;
	return multipart->child;
}

/* Depth is bounded by the parser. */
static void walk(struct reader *r, const struct mime_part *p)
{
	if (p->multipart && str_is(p->subtype, "alternative")) {
		if (p->child)
			walk(r, chosen(p));
	} else if (p->multipart || p->message) {
		for (const struct mime_part *c = p->child; c; c = c->next)
			walk(r, c);
	} else
		leaf(r, p);
}

int fax_document_read(struct arena *a, struct str message, struct fax_document *out)
{
	struct mime_result mime;
	struct reader r = {.arena = a, .message = message, .out = out, .first = true};
	struct str block = str_head(message, header_length(message, NULL));
	*out = (struct fax_document){.n = 0};
	if (mime_parse(a, message, &mime_default_limits, &mime) < 0)
		return -1;
	out->cover.from = person(a, block, "From");
	out->cover.to = person(a, block, "To");
	out->cover.subject = header_text(a, block, "Subject");
	out->cover.date = header_text(a, block, "Date");
	walk(&r, mime.root);
	return r.failed ? -1 : 0;
}
