#include "config.h"

#include "base/base.h"

static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char hexdigits[] = "0123456789abcdef";

bool base64_encode(struct str in, struct buf *out)
{
	char *to = in.n > SIZE_MAX / 2 ? NULL : buf_reserve(out, (in.n + 2) / 3 * 4);
	if (!to)
		return false;
	size_t i = 0, k = 0;
	for (; i < in.n; i += 3) {
		size_t left = in.n - i;
		uint32_t w = (uint32_t)(unsigned char)in.p[i] << 16;
		w |= left > 1 ? (uint32_t)(unsigned char)in.p[i + 1] << 8 : 0;
		w |= left > 2 ? (uint32_t)(unsigned char)in.p[i + 2] : 0;
		to[k++] = b64[w >> 18];
		to[k++] = b64[w >> 12 & 63];
		to[k++] = left > 1 ? b64[w >> 6 & 63] : '=';
		to[k++] = left > 2 ? b64[w & 63] : '=';
	}
	out->n += k;
	out->p[out->n] = 0;
	return true;
}

static int b64_value(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (ascii_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(struct str in, struct buf *out)
{
	if (in.n % 4)
		return false;
	for (size_t i = 0; i < in.n; i += 4) {
		bool last = i + 4 == in.n;
		size_t pad =
		    last ? (size_t)(in.p[i + 3] == '=') + (in.p[i + 3] == '=' && in.p[i + 2] == '=')
			 : 0;
		uint32_t w = 0;
		for (size_t k = 0; k < 4; k++) {
			int v = k >= 4 - pad ? 0 : b64_value((unsigned char)in.p[i + k]);
			if (v < 0)
				return false;
			w = w << 6 | (unsigned)v;
		}
		if ((pad == 1 && (w & 0xff)) || (pad == 2 && (w & 0xffff)))
			return false; /* bits that encode nothing must be zero */
		char three[3] = {(char)(w >> 16), (char)(w >> 8), (char)w};
		if (!buf_add(out, three, 3 - pad))
			return false;
	}
	return true;
}

bool hex_encode(struct str in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];
		buf_addc(out, hexdigits[c >> 4]);
		buf_addc(out, hexdigits[c & 15]);
	}
	return !out->failed;
}

bool hex_decode(struct str in, struct buf *out)
{
	if (in.n % 2)
		return false;
	for (size_t i = 0; i < in.n; i += 2) {
		int h = hex_digit((unsigned char)in.p[i]),
		    l = hex_digit((unsigned char)in.p[i + 1]);
		if (h < 0 || l < 0 || !buf_addc(out, (char)(h << 4 | l)))
			return false;
	}
	return true;
}

static const char plain[] = "\t\n\r\0\\";
static const char letter[] = "tnr0\\";

bool field_encode(struct str in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		const char *at = memchr(plain, in.p[i], 5);
		if (at) {
			buf_addc(out, '\\');
			buf_addc(out, letter[at - plain]);
		} else {
			buf_addc(out, in.p[i]);
		}
	}
	return !out->failed;
}

bool field_decode(struct str in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];
		if (c == '\\') {
			const char *at = i + 1 < in.n ? memchr(letter, in.p[i + 1], 5) : NULL;
			if (!at)
				return false;
			c = plain[at - letter];
			i++;
		} else if (memchr(plain, c, 4)) {
			return false;
		}
		buf_addc(out, c);
	}
	return !out->failed;
}

bool xtext_encode(struct str in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];
		if (c < 33 || c > 126 || c == '+' || c == '=')
			buf_addf(out, "+%02X", c);
		else
			buf_addc(out, (char)c);
	}
	return !out->failed;
}

bool xtext_decode(struct str in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];
		if (c == '+') {
			int h = i + 2 < in.n ? hex_digit((unsigned char)in.p[i + 1]) : -1;
			int l = i + 2 < in.n ? hex_digit((unsigned char)in.p[i + 2]) : -1;
			if (h < 0 || l < 0)
				return false;
			c = (unsigned char)(h << 4 | l);
			i += 2;
		} else if (c < 33 || c > 126 || c == '=') {
			return false;
		}
		buf_addc(out, (char)c);
	}
	return !out->failed;
}

/* Length of the well-formed UTF-8 sequence at s (beyond ASCII), or 0. */
static size_t utf8_sequence(struct str s)
{
	unsigned char c = (unsigned char)s.p[0];
	size_t n = c >= 0xc2 && c < 0xe0   ? 2
		   : c >= 0xe0 && c < 0xf0 ? 3
		   : c >= 0xf0 && c < 0xf5 ? 4
					   : 0;
	if (n == 0 || n > s.n)
		return 0;
	for (size_t i = 1; i < n; i++)
		if (((unsigned char)s.p[i] & 0xc0) != 0x80)
			return 0;
	unsigned char d = (unsigned char)s.p[1];
	bool odd = (c == 0xe0 && d < 0xa0) || (c == 0xed && d > 0x9f) || (c == 0xf0 && d < 0x90) ||
		   (c == 0xf4 && d > 0x8f) || (c == 0xc2 && d < 0xa0);
	return odd ? 0 : n;
}

bool printable(struct str in, size_t max, struct buf *out)
{
	size_t from = out->n;
	for (size_t i = 0; i < in.n;) {
		unsigned char c = (unsigned char)in.p[i];
		if (out->n - from + 7 > max)
			return buf_addz(out, "...");
		size_t seq = c & 0x80 ? utf8_sequence(str_skip(in, i)) : 0;
		if (seq) {
			buf_add(out, in.p + i, seq);
			i += seq;
			continue;
		}
		if (c == '\\')
			buf_addz(out, "\\\\");
		else if (c < 0x20 || c >= 0x7f)
			buf_addf(out, "\\x%02X", c);
		else
			buf_addc(out, (char)c);
		i++;
	}
	return !out->failed;
}
