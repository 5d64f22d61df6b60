#include "config.h"

#include "filter/filter-private.h"
#include "mime/mime.h"
#include "rfc822/rfc822.h"
#include "unicode/unicode.h"

#include <stdlib.h>

/*
 * What patterns see: UTF-8, a field on one line, the bodies of text parts decoded.  Each text is at
 * most so large; a message that decodes to more is an error, not a half-searched message.
 */
enum { VIEW_MAX = 1 << 30, FIELD_ARENA = 64 << 20, MIME_ARENA = 256 << 20 };

static const char *const address_fields[] = {"from", "to", "cc", "bcc", "sender", "reply-to",
    "resent-from", "resent-to", "resent-cc", "resent-bcc", "resent-sender", "resent-reply-to",
    "errors-to", "return-receipt-to", "disposition-notification-to"};

static bool is_address_field(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(address_fields); i++)
		if (str_iis(name, address_fields[i]))
			return true;
	return false;
}

/* On one line; a line end becomes a blank, as the original has it. */
static struct str one_line(struct arena *a, struct str body)
{
	char *p = arena_alloc(a, body.n + 1);
	size_t n = 0;
	for (size_t i = 0; p && i < body.n; i++)
		if (body.p[i] != '\r' || i + 1 == body.n || body.p[i + 1] != '\n')
			p[n++] = body.p[i] == '\n' ? ' ' : body.p[i];
	return p ? str_trim(str_at(p, n)) : STR_NONE;
}

static void add_mailbox(struct arena *a, const struct mailaddr *m, struct buf *out)
{
	struct str name = m->name.n ? m->name : m->comment;
	if (name.n) {
		buf_adds(out, m->name_quoted ? name : mime_words_decode(a, name));
		buf_addz(out, " <");
	}
	mailaddr_print_spec(out, m->local, m->domain);
	if (name.n)
		buf_addc(out, '>');
}

static bool add_addresses(struct arena *a, struct str body, struct buf *out)
{
	struct mailaddr_list l;
	if (mailaddr_parse(a, body, MAILADDR_MAX_DEFAULT, &l) < 0 || l.malformed || l.limit)
		return false;
	bool comma = false;
	for (const struct mailaddr *m = l.first; m; m = m->next) {
		if (m->kind == MAILADDR_GROUP_END) {
			buf_addc(out, ';');
			continue;
		}
		buf_addz(out, comma ? ", " : "");
		comma = m->kind == MAILADDR_MAILBOX;
		if (comma)
			add_mailbox(a, m, out);
		else
			buf_addf(out, "%.*s: ", STR_FMT(mime_words_decode(a, m->name)));
	}
	return true;
}

/* Only what is UTF-8, and one line a field. */
static void add_clean(struct buf *out, struct str s)
{
	size_t from = out->n;
	buf_adds(out, s);
	for (size_t i = from; i < out->n; i++)
		if (out->p[i] == '\n' || out->p[i] == '\r')
			out->p[i] = ' ';
}

static bool field_text(struct arena *a, const struct header_field *f, struct buf *out)
{
	struct buf addresses;
	struct str body = one_line(a, f->body);
	buf_init(&addresses, VIEW_MAX);
	if (!body.p)
		return false;
	if (body.n && is_address_field(f->name) && add_addresses(a, body, &addresses)) {
		add_clean(out, buf_str(&addresses));
	} else {
		struct str decoded = mime_words_decode(a, body);
		add_clean(out, decoded.p ? decoded : body);
	}
	buf_free(&addresses);
	return !out->failed;
}

static bool add_header(struct str block, struct buf *out)
{
	struct header_field f;
	struct arena *a = arena_new(FIELD_ARENA);
	bool ok = a != NULL;
	while (ok && header_next(&block, &f)) {
		arena_reset(a);
		if (f.name.n) {
			buf_adds(out, f.name);
			buf_addz(out, ": ");
			if (!field_text(a, &f, out)) /* absurdly large: as it stands */
				add_clean(out, f.body);
		} else {
			add_clean(out, str_trim(f.raw));
		}
		ok = buf_addc(out, '\n');
	}
	arena_free(a);
	return ok;
}

static struct str top_block(const struct filter_message *m)
{
	return str_head(m->bytes, header_length(m->bytes, NULL));
}

static bool is_mime(const struct filter_message *m)
{
	struct header_field f;
	return header_find(top_block(m), "MIME-Version", &f);
}

/* Decoded and in UTF-8; what can't be decoded stays readable. */
static bool add_text(struct str body, enum mime_cte cte, struct str charset, struct buf *out)
{
	struct mime_decoder d;
	struct charset c;
	struct buf raw;
	buf_init(&raw, VIEW_MAX);
	mime_decoder_init(&d, cte);
	bool ok = mime_decode(&d, body, &raw) && mime_decode_end(&d, &raw);
	if (!charset_open(&c, charset) && !charset_open(&c, STR_NONE)) {
		buf_free(&raw);
		return false;
	}
	size_t from = out->n;
	ok = ok && charset_convert(&c, buf_str(&raw), out) && charset_end(&c, out);
	charset_close(&c);
	buf_free(&raw);
	size_t to = from; /* CR before LF says nothing */
	for (size_t i = from; i < out->n; i++)
		if (out->p[i] != '\r' || i + 1 == out->n || out->p[i + 1] != '\n')
			out->p[to++] = out->p[i];
	out->n = to;
	out->p[to] = 0;
	if (ok && out->n > from && out->p[out->n - 1] != '\n')
		ok = buf_addc(out, '\n');
	return ok;
}

struct walk {
	struct str bytes;
	struct arena *a;
	struct buf *headers, *body; /* the one wanted */
};

static bool visit(struct walk *w, const struct mime_part *p)
{
	struct str all = w->bytes;
	bool ok = true;
	if (w->headers)
		ok = add_header(
		    str_head(str_skip(all, p->header.start), p->header.end - p->header.start),
		    w->headers);
	if (w->body && !p->multipart && !p->message && str_is(p->type, "text"))
		ok = add_text(str_head(str_skip(all, p->body.start), p->body.end - p->body.start),
		    p->cte, mime_param_value(w->a, p->params, "charset"), w->body);
	for (const struct mime_part *c = p->child; ok && c; c = c->next)
		ok = visit(w, c);
	return ok;
}

/* Nested at most as deep as mime_default_limits says. */
static bool walk(struct filter_run *r, struct buf *headers, struct buf *body)
{
	struct mime_result m;
	struct walk w = {r->msg.bytes, arena_new(MIME_ARENA), headers, body};
	bool ok =
	    w.a && mime_parse(w.a, w.bytes, &mime_default_limits, &m) == 0 && visit(&w, m.root);
	arena_free(w.a);
	return ok;
}

static bool make(struct filter_run *r, enum view_kind k, struct buf *out)
{
	size_t body;
	bool mime = is_mime(&r->msg);
	if (k == VIEW_BODY && mime)
		return walk(r, NULL, out);
	if (k == VIEW_BODY) {
		header_length(r->msg.bytes, &body);
		return add_text(str_skip(r->msg.bytes, body), MIME_7BIT, STR_NONE, out);
	}
	if (!add_header(r->msg.extra, out))
		return false;
	return k == VIEW_HEADERS && mime ? walk(r, out, NULL) : add_header(top_block(&r->msg), out);
}

bool view_get(struct filter_run *r, enum view_kind k, struct str *out)
{
	struct view *v = k == VIEW_TOP ? &r->top : k == VIEW_HEADERS ? &r->headers : &r->body;
	if (!v->made && !make(r, k, &v->text)) {
		buf_clear(&v->text);
		filter_fail(r, "the message is too large to be searched");
		return false;
	}
	v->made = true;
	*out = buf_str(&v->text);
	return true;
}

void view_forget(struct filter_run *r)
{
	struct view *all[] = {&r->top, &r->headers, &r->body};
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		buf_free(&all[i]->text);
		buf_init(&all[i]->text, VIEW_MAX);
		all[i]->made = false;
	}
}

struct str filter_header(struct filter_run *r, const char *name)
{
	struct str text, line;
	size_t n = strlen(name);
	if (!view_get(r, VIEW_TOP, &text))
		return STR_NONE;
	while (text.n && str_split(&text, '\n', &line))
		if (line.n > n && line.p[n] == ':' && str_istarts(line, str_of(name)))
			return str_trim(str_skip(line, n + 1));
	return STR_NONE;
}
