#include "config.h"

#include "imapd/session.h"
#include "unicode/unicode.h"

#include <stdio.h>

/* Long or odd strings go as literals, which hold anything but NUL. */
static bool can_quote(const struct session *s, struct str v)
{
	if (v.n > 900)
		return false;
	/* RFC 6855, section 3: what is quoted is UTF-8 */
	if (s->utf8 && !utf8_valid(v))
		return false;
	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];
		if (c < 0x20 || c == 0x7f || (c >= 0x80 && !s->utf8))
			return false;
	}
	return true;
}

void add_string(struct session *s, struct buf *b, struct str v)
{
	if (!can_quote(s, v)) {
		buf_addf(b, "{%zu}\r\n", v.n);
		for (size_t i = 0; i < v.n; i++)
			buf_addc(b, v.p[i] ? v.p[i] : '?');
		return;
	}
	buf_addc(b, '"');
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '"' || v.p[i] == '\\')
			buf_addc(b, '\\');
		buf_addc(b, v.p[i]);
	}
	buf_addc(b, '"');
}

void add_nstring(struct session *s, struct buf *b, struct str v)
{
	if (v.p)
		add_string(s, b, v);
	else
		buf_addz(b, "NIL");
}

void put_string(struct session *s, struct str v)
{
	struct buf b;
	buf_init(&b, v.n * 2 + 64);
	add_string(s, &b, v);
	io_put(&s->io, buf_str(&b));
	buf_free(&b);
}
