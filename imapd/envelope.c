/* ENVELOPE (RFC 3501, 7.4.2). */
#include "config.h"

#include "imapd/message.h"
#include "unicode/unicode.h"

enum { ENVELOPE_ADDRESSES_MAX = 5000 };

/* The last word of RFC 2822 counts: a field that comes twice is wrong, its first one is shown. */
static struct str field(struct arena *a, struct str block, const char *name)
{
	struct header_field f;
	if (!header_find(block, name, &f))
		return STR_NONE;
	struct str body = header_unfold(a, f.body);
	return body.p ? body : STR("");
}

/*
 * A client that has not enabled UTF-8 gets encoded words for raw 8-bit text, as from the original;
 * what is no UTF-8 is taken for windows-1252.
 */
static struct str in_ascii(struct session *s, struct arena *a, struct str v, bool phrase)
{
	struct buf b;
	if (!v.p || s->utf8 || !str_has_8bit(v))
		return v;
	struct str text = utf8_valid(v) ? v : mime_words_decode(a, v), out = v;
	buf_init(&b, v.n * 20 + 256);
	if (text.p && mime_words_encode(&b, text, phrase, 0, "") && b.n)
		out = arena_str(a, buf_str(&b));
	buf_free(&b);
	return out.p ? out : v;
}

/* Domains have a form in ASCII of their own. */
static struct str ascii_domain(struct session *s, struct arena *a, struct str v)
{
	if (s->utf8 || !str_has_8bit(v))
		return v;
	struct str out = domain_ascii(a, v);
	return out.p ? out : in_ascii(s, a, v, true);
}

static void add_address(
    struct session *s, struct arena *a, const struct mailaddr *m, struct buf *out)
{
	const struct str nil = STR_NONE;
	buf_addc(out, '(');
	if (m->kind == MAILADDR_GROUP_BEGIN) {
		buf_addz(out, "NIL NIL ");
		add_string(s, out, in_ascii(s, a, m->name, true));
		buf_addz(out, " NIL)");
		return;
	}
	if (m->kind == MAILADDR_GROUP_END) {
		buf_addz(out, "NIL NIL NIL NIL)");
		return;
	}
	add_nstring(s, out,
	    in_ascii(s, a,
		m->name.n      ? m->name
		: m->comment.n ? m->comment
			       : nil,
		true));
	buf_addc(out, ' ');
	add_nstring(s, out, m->route.n ? m->route : nil);
	buf_addc(out, ' ');
	add_string(s, out, in_ascii(s, a, m->local, true));
	buf_addc(out, ' ');
	/* NIL would mean a group */
	add_string(s, out, ascii_domain(s, a, m->domain));
	buf_addc(out, ')');
}

static bool add_addresses(struct session *s, struct arena *a, struct str body, struct buf *out)
{
	struct mailaddr_list list;
	if (!body.p || mailaddr_parse(a, body, ENVELOPE_ADDRESSES_MAX, &list) < 0 || !list.first)
		return false;
	buf_addc(out, '(');
	for (const struct mailaddr *m = list.first; m; m = m->next)
		add_address(s, a, m, out);
	buf_addc(out, ')');
	return true;
}

static void add_list(struct session *s, struct arena *a, struct str block, const char *name,
    const char *or_else, struct buf *out)
{
	if (!add_addresses(s, a, field(a, block, name), out) &&
	    (!or_else || !add_addresses(s, a, field(a, block, or_else), out)))
		buf_addz(out, "NIL");
	buf_addc(out, ' ');
}

void envelope_add(struct session *s, struct arena *a, struct str block, struct buf *out)
{
	buf_addc(out, '(');
	add_nstring(s, out, field(a, block, "Date"));
	buf_addc(out, ' ');
	add_nstring(s, out, in_ascii(s, a, field(a, block, "Subject"), false));
	buf_addc(out, ' ');
	add_list(s, a, block, "From", NULL, out);
	add_list(s, a, block, "Sender", "From", out);
	add_list(s, a, block, "Reply-To", "From", out);
	add_list(s, a, block, "To", NULL, out);
	add_list(s, a, block, "Cc", NULL, out);
	add_list(s, a, block, "Bcc", NULL, out);
	add_nstring(s, out, field(a, block, "In-Reply-To"));
	buf_addc(out, ' ');
	add_nstring(s, out, field(a, block, "Message-ID"));
	buf_addc(out, ')');
}
