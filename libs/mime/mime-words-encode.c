#include "config.h"

#include "mime/mime-private.h"
#include "unicode/unicode.h"

enum {
	LINE = 76,
	AROUND = sizeof "=?utf-8?q?\?=" - 1,
	ROOM_MIN = 16, /* less room at the end of a line: better begin the next one */
};

/* What may stand for itself in a Q word, also in a display name (RFC 2047, 5). */
static bool q_plain(unsigned char c)
{
	return ascii_alnum(c) || (c && strchr("!*+-/", c));
}

static size_t q_size(struct str s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += q_plain((unsigned char)s.p[i]) || s.p[i] == ' ' ? 1 : 3;
	return n;
}

static void add_q(struct buf *out, struct str s)
{
	buf_addz(out, "=?utf-8?q?");
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c == ' ')
			buf_addc(out, '_');
		else if (q_plain(c))
			buf_addc(out, (char)c);
		else
			buf_addf(out, "=%02X", c);
	}
	buf_addz(out, "?=");
}

static void add_b(struct buf *out, struct str s)
{
	buf_addz(out, "=?utf-8?b?");
	base64_encode(s, out);
	buf_addz(out, "?=");
}

/* How much of s fits, by whole characters; one at least. */
static size_t fitting(struct str s, size_t room, bool b)
{
	size_t n = 0;
	while (n < s.n) {
		uint32_t cp;
		size_t k = utf8_next(str_skip(s, n), &cp);
		k = k ? k : 1;
		size_t size = b ? (n + k + 2) / 3 * 4 : q_size(str_head(s, n + k));
		if (n && size > room)
			break;
		n += k;
	}
	return n;
}

static bool needs_words(struct str s)
{
	return str_has_8bit(s) || str_has_ctl(s) || str_find(s, STR("=?")) >= 0;
}

bool mime_words_encode(struct buf *out, struct str s, bool phrase, size_t column, const char *eol)
{
	if (!needs_words(s))
		return phrase ? mailaddr_print_phrase(out, s) : buf_adds(out, s);
	bool b = q_size(s) > (s.n + 2) / 3 * 4;
	while (s.n) {
		size_t room = column + AROUND + ROOM_MIN > LINE ? 0 : LINE - AROUND - column;
		if (room == 0) {
			buf_addz(out, eol);
			buf_addc(out, ' ');
			room = LINE - AROUND - 1;
		}
		if (room > LINE - AROUND - 1)
			room = LINE - AROUND - 1; /* a word has 75 octets at most */
		size_t n = fitting(s, room, b);
		if (b)
			add_b(out, str_head(s, n));
		else
			add_q(out, str_head(s, n));
		s = str_skip(s, n);
		column = LINE; /* each further word on a line of its own */
	}
	return !out->failed;
}
