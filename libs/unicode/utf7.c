/* Modified UTF-7: printable ASCII stands for itself, "&" is "&-", the rest is UTF-16 in base64 with
 * "," for "/" between "&" and "-". */
#include "config.h"

#include "unicode/unicode.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == ',' ? 63 : -1;
}

static bool direct(uint32_t cp)
{
	return cp >= 0x20 && cp < 0x7f;
}

struct units {
	uint32_t high; /* a high surrogate that waits for its other half */
	struct buf *out;
};

static bool unit_add(struct units *u, uint32_t unit)
{
	if (unit >= 0xdc00 && unit <= 0xdfff) {
		if (!u->high)
			return false;
		uint32_t cp = 0x10000 + ((u->high - 0xd800) << 10) + (unit - 0xdc00);
		u->high = 0;
		return utf8_add(u->out, cp);
	}
	if (u->high)
		return false;
	if (unit >= 0xd800 && unit <= 0xdbff) {
		u->high = unit;
		return true;
	}
	/* what could stand for itself must not be encoded, and controls are not wanted at all */
	return unit >= 0x80 && utf8_add(u->out, unit);
}

/* One shifted run, without "&" and "-". */
static bool run_decode(struct str run, struct buf *out)
{
	struct units u = {0, out};
	uint32_t bits = 0;
	unsigned have = 0;
	for (size_t i = 0; i < run.n; i++) {
		int v = value_of(run.p[i]);
		if (v < 0)
			return false;
		bits = bits << 6 | (unsigned)v;
		have += 6;
		if (have >= 16) {
			have -= 16;
			if (!unit_add(&u, bits >> have & 0xffff))
				return false;
			bits &= (1u << have) - 1;
		}
	}
	return have < 6 && bits == 0 && !u.high;
}

bool utf7_imap_decode(struct str in, struct buf *out)
{
	bool after_run = false;
	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];
		if (!direct(c))
			return false;
		if (c != '&') {
			buf_addc(out, (char)c);
			after_run = false;
			continue;
		}
		struct str rest = str_skip(in, i + 1);
		ptrdiff_t n = str_chr(rest, '-');
		if (n < 0)
			return false;
		if (n == 0)
			buf_addc(out, '&');
		else if (after_run || !run_decode(str_head(rest, (size_t)n), out))
			return false; /* two runs in a row have a shorter form */
		after_run = n > 0;
		i += (size_t)n + 1;
	}
	return !out->failed;
}

struct run {
	struct buf *out;
	uint32_t bits;
	unsigned have;
	bool open;
};

static void run_unit(struct run *r, uint32_t unit)
{
	if (!r->open)
		buf_addc(r->out, '&');
	r->open = true;
	r->bits = r->bits << 16 | unit;
	r->have += 16;
	while (r->have >= 6) {
		r->have -= 6;
		buf_addc(r->out, alphabet[r->bits >> r->have & 63]);
	}
	r->bits &= (1u << r->have) - 1;
}

static void run_close(struct run *r)
{
	if (r->have)
		buf_addc(r->out, alphabet[r->bits << (6 - r->have) & 63]);
	if (r->open)
		buf_addc(r->out, '-');
	*r = (struct run){.out = r->out};
}

bool utf7_imap_encode(struct str in, struct buf *out)
{
	struct run r = {.out = out};
	uint32_t cp;
	for (size_t i = 0, n; i < in.n; i += n) {
		n = utf8_next(str_skip(in, i), &cp);
		if (n == 0 || cp < 0x20 || cp == 0x7f)
			return false;
		if (cp >= 0x10000) {
			run_unit(&r, 0xd800 + ((cp - 0x10000) >> 10));
			run_unit(&r, 0xdc00 + ((cp - 0x10000) & 0x3ff));
		} else if (!direct(cp)) {
			run_unit(&r, cp);
		} else {
			run_close(&r);
			buf_addc(out, (char)cp);
			if (cp == '&')
				buf_addc(out, '-');
		}
	}
	run_close(&r);
	return !out->failed;
}
