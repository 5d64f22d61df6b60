/* Header fields with 8-bit bytes in the forms that ASCII has for them (RFC 2047, 2231, 3492). */
#include "config.h"

#include "mime/mime-private.h"
#include "unicode/unicode.h"

enum { LINE = 76, PARAM_ROOM = 50 };

static bool is_one_of(struct str name, const char *const *list)
{
	for (; *list; list++)
		if (str_iis(name, *list))
			return true;
	return false;
}

static bool has_addresses(struct str name)
{
	static const char *const names[] = {
	    "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Disposition-Notification-To", NULL};
	return is_one_of(str_istarts(name, STR("Resent-")) ? str_skip(name, 7) : name, names);
}

/* Fields in which encoded words mean nothing. */
static bool has_no_text(struct str name)
{
	static const char *const names[] = {"Received", "Return-Path", "Message-ID", "Date",
	    "References", "In-Reply-To", "Content-ID", "Content-Transfer-Encoding", "MIME-Version",
	    "DKIM-Signature", "Authentication-Results", "Received-SPF", NULL};
	return name.n == 0 || str_has_8bit(name) || str_istarts(name, STR("ARC-")) ||
	       is_one_of(name, names);
}

static bool add_questions(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_addc(out, s.p[i] & 0x80 ? '?' : s.p[i]);
	return !out->failed;
}

static bool add_text(
    struct arena *a, const struct header_field *f, const char *eol, struct buf *out)
{
	struct str text = header_unfold(a, f->body);
	text = text.p ? mime_words_decode(a, text) : text;
	if (!text.p)
		return false;
	buf_adds(out, f->name);
	buf_addz(out, ": ");
	mime_words_encode(out, text, false, f->name.n + 2, eol);
	return buf_addz(out, eol);
}

/* ---- addresses ------------------------------------------------------------------------------- */

static bool words_of(struct arena *a, struct str *name)
{
	struct buf b;
	if (!str_has_8bit(*name))
		return true;
	buf_init(&b, name->n * 8 + 1024);
	struct str text = mime_words_decode(a, *name);
	bool good = text.p && mime_words_encode(&b, text, true, LINE - 12 - 16, "");
	*name = good ? arena_str(a, buf_str(&b)) : STR_NONE;
	buf_free(&b);
	return name->p;
}

static int one_address(struct arena *a, struct mailaddr *m)
{
	if (m->name.n == 0 && str_has_8bit(m->comment))
		m->name = m->comment;
	m->name_quoted = m->name_quoted && !str_has_8bit(m->name);
	if (!words_of(a, &m->name))
		return -1;
	if (str_has_8bit(m->local) || str_has_8bit(m->route))
		return 0;
	if (str_has_8bit(m->domain)) {
		m->domain = domain_ascii(a, m->domain);
		return m->domain.p ? 1 : 0;
	}
	return 1;
}

static int add_addresses(
    struct arena *a, const struct header_field *f, const char *eol, struct buf *out)
{
	struct mailaddr_list list;
	char *name = arena_strz(a, f->name);
	int r = 1;
	if (!name || mailaddr_parse(a, f->body, MAILADDR_MAX_DEFAULT, &list) < 0)
		return -1;
	if (list.malformed || list.limit)
		return add_questions(out, f->raw) ? 1 : -1;
	for (struct mailaddr *m = list.first; m && r > 0; m = m->next)
		r = one_address(a, m);
	return r > 0 && !mailaddr_print_field(out, name, list.first, eol) ? -1 : r;
}

/* ---- parameters ------------------------------------------------------------------------------ */

static void add_quoted(struct buf *out, struct str s)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, s.p[i]);
	}
	buf_addc(out, '"');
}

static void add_percent(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (ascii_alnum(c) || c == '.' || c == '-' || c == '_')
			buf_addc(out, (char)c);
		else
			buf_addf(out, "%%%02X", c);
	}
}

/* name*0*=utf-8''..., name*1*=... when it is long. */
static bool add_extended(
    struct arena *a, struct str name, struct str value, const char *eol, struct buf *out)
{
	struct str text = mime_words_decode(a, value);
	size_t at = 0;
	if (!text.p)
		return false;
	bool one = text.n <= PARAM_ROOM / 3;
	for (unsigned k = 0; k == 0 || at < text.n; k++) {
		size_t n = 0;
		while (at + n < text.n && n < PARAM_ROOM / 3) {
			uint32_t cp;
			size_t step = utf8_next(str_skip(text, at + n), &cp);
			n += step ? step : 1;
		}
		buf_addf(out, ";%s %.*s*", eol, STR_FMT(name));
		if (!one)
			buf_addf(out, "%u*", k);
		buf_addz(out, k == 0 ? "=utf-8''" : "=");
		add_percent(out, str_head(str_skip(text, at), n));
		at += n;
	}
	return !out->failed;
}

static bool add_param(struct arena *a, const struct mime_param *p, const char *eol, struct buf *out)
{
	bool extended = p->name.n && p->name.p[p->name.n - 1] == '*';
	if (!str_has_8bit(p->value) || extended || str_chr(p->name, '*') >= 0) {
		buf_addf(out, ";%s ", eol);
		add_questions(out, p->name);
		buf_addc(out, '=');
		struct buf value;
		buf_init(&value, p->value.n + 1);
		add_questions(&value, p->value);
		if (extended)
			buf_adds(out, buf_str(&value));
		else
			add_quoted(out, buf_str(&value));
		buf_free(&value);
		return !out->failed;
	}
	return add_extended(a, p->name, p->value, eol, out);
}

static int add_params(
    struct arena *a, const struct header_field *f, const char *eol, struct buf *out)
{
	struct mime_type t = {0};
	bool type = str_iis(f->name, "Content-Type");
	unsigned max = mime_default_limits.params;
	if (!(type ? mime_type_parse : mime_disposition_parse)(a, f->body, max, &t, NULL) ||
	    str_has_8bit(t.type) || str_has_8bit(t.subtype))
		return 0;
	buf_adds(out, f->name);
	buf_addf(out, ": %.*s%s%.*s", STR_FMT(t.type), type ? "/" : "", STR_FMT(t.subtype));
	for (const struct mime_param *p = t.params; p; p = p->next)
		if (str_has_8bit(p->name) || !add_param(a, p, eol, out))
			return str_has_8bit(p->name) ? 0 : -1;
	return buf_addz(out, eol) ? 1 : -1;
}

/* ---- fields ---------------------------------------------------------------------------------- */

/* 1 written, 0 there is no form for it, -1 no memory. */
static int add_field(
    struct arena *a, const struct header_field *f, const char *eol, struct buf *out)
{
	if (str_iis(f->name, "Content-Type") || str_iis(f->name, "Content-Disposition"))
		return add_params(a, f, eol, out);
	if (has_addresses(f->name))
		return add_addresses(a, f, eol, out);
	if (has_no_text(f->name))
		return 0;
	return add_text(a, f, eol, out) ? 1 : -1;
}

int mime_header_to_ascii(struct arena *a, struct str raw, const char *eol, struct buf *out)
{
	struct header_field f;
	size_t from = out->n;
	struct str rest = raw;
	if (!str_has_8bit(raw) || !header_next(&rest, &f))
		return buf_adds(out, raw) ? 1 : -1;
	int r = add_field(a, &f, eol, out);
	if (r > 0)
		return 1;
	out->n = from;
	out->p[from] = 0;
	if (r < 0)
		return -1;
	return add_questions(out, raw) ? !has_addresses(f.name) : -1;
}
