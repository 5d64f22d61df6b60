/* BODY and BODYSTRUCTURE (RFC 3501, 7.4.2). */
#include "config.h"

#include "imapd/message.h"

static struct str or_nil(struct str s)
{
	return s.n ? s : STR_NONE;
}

static void add_params(struct message *m, const struct mime_param *p, struct buf *out)
{
	const char *sep = "(";
	if (!p) {
		buf_addz(out, "NIL");
		return;
	}
	for (; p; p = p->next, sep = " ") {
		buf_addz(out, sep);
		add_string(m->s, out, p->name);
		buf_addc(out, ' ');
		add_string(m->s, out, p->value);
	}
	buf_addc(out, ')');
}

static void add_language(struct message *m, struct str language, struct buf *out)
{
	struct str tag;
	const char *sep = "(";
	if (!language.n) {
		buf_addz(out, "NIL");
		return;
	}
	for (; str_split(&language, ',', &tag); sep = " ") {
		buf_addz(out, sep);
		add_string(m->s, out, str_trim(tag));
	}
	buf_addc(out, ')');
}

static void add_extension(struct message *m, const struct mime_part *p, struct buf *out)
{
	buf_addc(out, ' ');
	if (p->disposition.n) {
		buf_addc(out, '(');
		add_string(m->s, out, p->disposition);
		buf_addc(out, ' ');
		add_params(m, p->disposition_params, out);
		buf_addc(out, ')');
	} else {
		buf_addz(out, "NIL");
	}
	buf_addc(out, ' ');
	add_language(m, p->language, out);
	buf_addc(out, ' ');
	add_nstring(m->s, out, or_nil(p->location));
}

static void add_multipart(
    struct message *m, const struct mime_part *p, bool extended, struct buf *out)
{
	buf_addc(out, '(');
	for (const struct mime_part *c = p->child; c; c = c->next)
		structure_add(m, c, extended, out);
	buf_addc(out, ' ');
	add_string(m->s, out, p->subtype);
	if (extended) {
		buf_addc(out, ' ');
		add_params(m, p->params, out);
		add_extension(m, p, out);
	}
	buf_addc(out, ')');
}

static struct str header_of(struct message *m, const struct mime_part *p)
{
	return str_at(m->text.p + p->header.start, p->header.end - p->header.start);
}

static void add_single(struct message *m, const struct mime_part *p, bool extended, struct buf *out)
{
	struct session *s = m->s;
	buf_addc(out, '(');
	add_string(s, out, p->type);
	buf_addc(out, ' ');
	add_string(s, out, p->multipart ? STR("plain") : p->subtype);
	buf_addc(out, ' ');
	/* what RFC 2045, 5.2, says of a part that says nothing */
	if (!p->has_type && str_is(p->type, "text"))
		buf_addz(out, "(\"charset\" \"us-ascii\")");
	else
		add_params(m, p->params, out);
	buf_addc(out, ' ');
	add_nstring(s, out, or_nil(p->id));
	buf_addc(out, ' ');
	add_nstring(s, out, or_nil(p->description));
	buf_addc(out, ' ');
	add_string(s, out, p->encoding);
	buf_addf(out, " %zu", p->body.size);
	if (p->message && p->child) {
		buf_addc(out, ' ');
		envelope_add(s, m->arena, header_of(m, p->child), out);
		buf_addc(out, ' ');
		structure_add(m, p->child, extended, out);
		buf_addf(out, " %zu", p->body.lines);
	} else if (str_is(p->type, "text")) {
		buf_addf(out, " %zu", p->body.lines);
	}
	if (extended) {
		buf_addc(out, ' ');
		add_nstring(s, out, or_nil(p->md5));
		add_extension(m, p, out);
	}
	buf_addc(out, ')');
}

/* A multipart without any part has no form in the grammar: it is shown as a text. */
static void add_empty_multipart(
    struct message *m, const struct mime_part *p, bool extended, struct buf *out)
{
	struct mime_part text = *p;
	text.type = STR("text");
	text.subtype = STR("plain");
	text.multipart = false;
	add_single(m, &text, extended, out);
}

void structure_add(struct message *m, const struct mime_part *p, bool extended, struct buf *out)
{
	if (p->multipart && p->child)
		add_multipart(m, p, extended, out);
	else if (p->multipart ||
		 (str_is(p->type, "message") && !p->message &&
		     (str_is(p->subtype, "rfc822") || str_is(p->subtype, "global"))))
		add_empty_multipart(m, p, extended, out);
	else
		add_single(m, p, extended, out);
}
