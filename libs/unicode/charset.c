#include "config.h"

#include "unicode/unicode.h"

#include <errno.h>
#include <iconv.h>

enum kind { KIND_UTF8, KIND_ASCII, KIND_1252, KIND_8859_15, KIND_ICONV };

enum { NAME_MAX_LEN = 40, CHUNK = 4096, REPLACEMENT = 0xfffd };

static bool iconv_allowed;

void charset_allow_iconv(bool yes)
{
	iconv_allowed = yes;
}

static const struct {
	const char *name;
	enum kind kind;
} builtin[] = {
    {"utf-8", KIND_UTF8},
    {"utf8", KIND_UTF8},
    {"us-ascii", KIND_ASCII},
    {"ascii", KIND_ASCII},
    {"ansi_x3.4-1968", KIND_ASCII},
    {"", KIND_ASCII},
    {"iso-8859-1", KIND_1252},
    {"iso8859-1", KIND_1252},
    {"iso_8859-1", KIND_1252},
    {"latin1", KIND_1252},
    {"windows-1252", KIND_1252},
    {"cp1252", KIND_1252},
    {"iso-8859-15", KIND_8859_15},
    {"iso8859-15", KIND_8859_15},
    {"latin-9", KIND_8859_15},
};

/* 0x80..0x9f of windows-1252; 0: not assigned. */
static const uint16_t table_1252[32] = {0x20ac, 0, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
    0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017d, 0, 0, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0, 0x017e, 0x0178};

static uint32_t from_1252(unsigned char c)
{
	if (c < 0x80 || c >= 0xa0)
		return c;
	return table_1252[c - 0x80] ? table_1252[c - 0x80] : REPLACEMENT;
}

static uint32_t from_8859_15(unsigned char c)
{
	switch (c) {
	case 0xa4:
		return 0x20ac;
	case 0xa6:
		return 0x160;
	case 0xa8:
		return 0x161;
	case 0xb4:
		return 0x17d;
	case 0xb8:
		return 0x17e;
	case 0xbc:
		return 0x152;
	case 0xbd:
		return 0x153;
	case 0xbe:
		return 0x178;
	default:
		return c;
	}
}

/* Names go to iconv, whose suffixes ("//TRANSLIT") and paths are not for outsiders; the one
 * charset refused has no use in mail and a bad history. */
static bool name_safe(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!ascii_alnum((unsigned char)name.p[i]) && !memchr("-_.:+()", name.p[i], 7))
			return false;
	return name.n > 0 && name.n <= NAME_MAX_LEN && !str_iis(name, "ISO-2022-CN-EXT");
}

static bool open_iconv(struct charset *c, struct str name)
{
	char z[NAME_MAX_LEN + 1];
	if (!iconv_allowed || !name_safe(name))
		return false;
	memcpy(z, name.p, name.n);
	z[name.n] = 0;
	iconv_t cd = iconv_open("UTF-8", z);
	if (cd == (iconv_t)-1)
		return false;
	c->kind = KIND_ICONV;
	c->iconv = cd;
	return true;
}

bool charset_open(struct charset *c, struct str name)
{
	*c = (struct charset){0};
	name = str_trim(name);
	for (size_t i = 0; i < ARRAY_LEN(builtin); i++) {
		if (str_iis(name, builtin[i].name)) {
			c->kind = (int)builtin[i].kind;
			return true;
		}
	}
	return open_iconv(c, name);
}

void charset_close(struct charset *c)
{
	if (c->iconv)
		iconv_close(c->iconv);
	c->iconv = NULL;
}

static void bad_byte(struct charset *c, unsigned char b, struct buf *out)
{
	uint32_t cp = c->kind == KIND_ASCII ? from_1252(b) : REPLACEMENT;
	c->damaged = c->damaged || cp == REPLACEMENT;
	utf8_add(out, cp);
}

/* Could these bytes be the start of a sequence that more bytes complete? */
static bool maybe_start(struct str s)
{
	static const char *const tails[] = {"\x80\x80\x80", "\xbf\xbf\xbf"};
	char whole[4];
	uint32_t cp;
	if (s.n >= sizeof whole)
		return false;
	for (size_t t = 0; t < 2; t++)
		for (size_t n = 2; n <= sizeof whole; n++) {
			if (n <= s.n)
				continue;
			memcpy(whole, s.p, s.n);
			memcpy(whole + s.n, tails[t], n - s.n);
			if (utf8_next(str_at(whole, n), &cp) == n)
				return true;
		}
	return false;
}

/* Takes what it can from s; bytes of an incomplete end stay unless `last`. */
static size_t utf8_take(struct charset *c, struct str s, bool last, struct buf *out)
{
	size_t i = 0;
	while (i < s.n) {
		size_t run = i;
		while (run < s.n && !(s.p[run] & 0x80))
			run++;
		buf_add(out, s.p + i, run - i);
		i = run;
		if (i == s.n)
			break;
		uint32_t cp;
		struct str rest = str_skip(s, i);
		size_t n = utf8_next(rest, &cp);
		if (n) {
			buf_add(out, rest.p, n);
			i += n;
		} else if (!last && maybe_start(rest)) {
			break;
		} else {
			bad_byte(c, (unsigned char)rest.p[0], out);
			i++;
		}
	}
	return i;
}

static bool convert_utf8(struct charset *c, struct str in, bool last, struct buf *out)
{
	while (c->held) { /* complete the held sequence byte by byte: at most a few turns */
		char *h = c->hold;
		if (in.n == 0 && !last)
			return !out->failed;
		if (in.n) {
			h[c->held++] = in.p[0];
			in = str_skip(in, 1);
		}
		size_t took = utf8_take(c, str_at(h, c->held), last && in.n == 0, out);
		memmove(h, h + took, c->held - took);
		c->held -= took;
	}
	size_t took = utf8_take(c, in, last, out);
	struct str left = str_skip(in, took);
	if (left.n)
		memcpy(c->hold, left.p, left.n);
	c->held = left.n;
	return !out->failed;
}

static bool convert_table(struct charset *c, struct str in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		unsigned char b = (unsigned char)in.p[i];
		uint32_t cp = c->kind == KIND_1252 ? from_1252(b) : from_8859_15(b);
		c->damaged = c->damaged || cp == REPLACEMENT;
		utf8_add(out, cp);
	}
	return !out->failed;
}

/* One run of iconv over *p; true when it stopped at an incomplete sequence or at the end. */
static bool iconv_some(struct charset *c, char **p, size_t *n, struct buf *out)
{
	char made[CHUNK];
	while (*n) {
		char *to = made;
		size_t room = sizeof made;
		size_t r = iconv(c->iconv, p, n, &to, &room);
		int why = errno;
		buf_add(out, made, sizeof made - room);
		if (out->failed || (r == (size_t)-1 && why == EINVAL))
			return true;
		if (r == (size_t)-1 && why != E2BIG) {
			c->damaged = true;
			utf8_add(out, REPLACEMENT);
			(*p)++;
			(*n)--;
		}
	}
	return true;
}

static bool convert_iconv(struct charset *c, struct str in, struct buf *out)
{
	while (in.n && !out->failed) {
		/* what is held goes first, together with as much as fits beside it */
		size_t old = c->held, add = sizeof c->hold - old;
		char *p = c->hold;
		if (add > in.n)
			add = in.n;
		if (old) {
			memcpy(c->hold + old, in.p, add);
		} else {
			p = (char *)(uintptr_t)in.p;
			add = in.n;
		}
		size_t n = old + add, whole = n;
		iconv_some(c, &p, &n, out);
		in = str_skip(in, add);
		if (n == whole && old && n == sizeof c->hold) { /* it will never be complete */
			c->damaged = true;
			utf8_add(out, REPLACEMENT);
			n--, p++;
		}
		c->held = n > sizeof c->hold ? sizeof c->hold : n;
		memmove(c->hold, p, c->held);
		if (c->held == sizeof c->hold)
			c->held = 0, c->damaged = true;
	}
	return !out->failed;
}

bool charset_convert(struct charset *c, struct str in, struct buf *out)
{
	switch (c->kind) {
	case KIND_UTF8:
	case KIND_ASCII:
		return convert_utf8(c, in, false, out);
	case KIND_ICONV:
		return convert_iconv(c, in, out);
	default:
		return convert_table(c, in, out);
	}
}

bool charset_end(struct charset *c, struct buf *out)
{
	if (c->kind == KIND_UTF8 || c->kind == KIND_ASCII)
		return convert_utf8(c, STR_NONE, true, out);
	if (c->kind == KIND_ICONV) {
		char made[64], *to = made;
		size_t room = sizeof made;
		if (c->held) {
			c->damaged = true;
			utf8_add(out, REPLACEMENT);
		}
		c->held = 0;
		iconv(c->iconv, NULL, NULL, &to, &room);
		buf_add(out, made, sizeof made - room);
	}
	return !out->failed;
}

struct str charset_to_utf8(struct arena *a, struct str name, struct str in)
{
	struct charset c;
	struct buf out;
	struct str made = STR_NONE;
	if (!charset_open(&c, name))
		return STR_NONE;
	buf_init(&out, in.n > SIZE_MAX / 8 ? SIZE_MAX / 2 : in.n * 8 + 16);
	if (charset_convert(&c, in, &out) && charset_end(&c, &out))
		made = arena_str(a, buf_str(&out));
	charset_close(&c);
	buf_free(&out);
	return made;
}
