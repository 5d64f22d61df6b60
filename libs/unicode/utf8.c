#include "config.h"

#include "unicode/unicode.h"

struct lead {
	unsigned char from, to; /* range of the first byte */
	unsigned char n;
	unsigned char low, high; /* range of the second */
};

/* Table 3-7 of the Unicode standard: well-formed sequences. */
static const struct lead leads[] = {
    {0x00, 0x7f, 1, 0, 0},
    {0xc2, 0xdf, 2, 0x80, 0xbf},
    {0xe0, 0xe0, 3, 0xa0, 0xbf},
    {0xe1, 0xec, 3, 0x80, 0xbf},
    {0xed, 0xed, 3, 0x80, 0x9f},
    {0xee, 0xef, 3, 0x80, 0xbf},
    {0xf0, 0xf0, 4, 0x90, 0xbf},
    {0xf1, 0xf3, 4, 0x80, 0xbf},
    {0xf4, 0xf4, 4, 0x80, 0x8f},
};

static const struct lead *lead_of(unsigned char c)
{
	for (size_t i = 0; i < ARRAY_LEN(leads); i++)
		if (c >= leads[i].from && c <= leads[i].to)
			return &leads[i];
	return NULL;
}

size_t utf8_next(struct str s, uint32_t *cp)
{
	if (s.n == 0)
		return 0;
	unsigned char c = (unsigned char)s.p[0];
	if (c < 0x80) {
		*cp = c;
		return 1;
	}
	const struct lead *l = lead_of(c);
	if (!l || s.n < l->n)
		return 0;
	unsigned char d = (unsigned char)s.p[1];
	if (d < l->low || d > l->high)
		return 0;
	uint32_t v = c & (0x7fu >> l->n);
	for (size_t i = 1; i < l->n; i++) {
		unsigned char x = (unsigned char)s.p[i];
		if ((x & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (x & 0x3f);
	}
	*cp = v;
	return l->n;
}

bool utf8_valid(struct str s)
{
	uint32_t cp;
	for (size_t i = 0; i < s.n;) {
		size_t n = utf8_next(str_skip(s, i), &cp);
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

bool utf8_add(struct buf *out, uint32_t cp)
{
	char b[4];
	if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return false;
	if (cp < 0x80)
		return buf_addc(out, (char)cp);
	if (cp < 0x800) {
		b[0] = (char)(0xc0 | cp >> 6);
		b[1] = (char)(0x80 | (cp & 0x3f));
		return buf_add(out, b, 2);
	}
	if (cp < 0x10000) {
		b[0] = (char)(0xe0 | cp >> 12);
		b[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		b[2] = (char)(0x80 | (cp & 0x3f));
		return buf_add(out, b, 3);
	}
	b[0] = (char)(0xf0 | cp >> 18);
	b[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	b[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	b[3] = (char)(0x80 | (cp & 0x3f));
	return buf_add(out, b, 4);
}

size_t utf8_cut(struct str s, size_t max)
{
	if (s.n <= max)
		return s.n;
	size_t n = max;
	while (n > 0 && max - n < 3 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return ((unsigned char)s.p[n] & 0xc0) == 0x80 ? max : n;
}
