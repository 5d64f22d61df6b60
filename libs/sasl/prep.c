#include "config.h"

#include "sasl/sasl-private.h"

#include <stdlib.h>
#include <uninorm.h>
#include <unistr.h>

/* RFC 3454, table C.1.2 */
static bool is_space(ucs4_t c)
{
	return c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200b) || c == 0x202f ||
	       c == 0x205f || c == 0x3000;
}

/* Table B.1 (U+200B is a space above, as RFC 4013 orders them) */
static bool is_nothing(ucs4_t c)
{
	return c == 0xad || c == 0x34f || c == 0x1806 || (c >= 0x180b && c <= 0x180d) ||
	       c == 0x200c || c == 0x200d || c == 0x2060 || (c >= 0xfe00 && c <= 0xfe0f) ||
	       c == 0xfeff;
}

/* Tables C.2 to C.9 as far as they are no question of the Unicode version */
static bool is_refused(ucs4_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x6dd || c == 0x70f || c == 0x180e ||
	       (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2061 && c <= 0x206f) || (c >= 0xe000 && c <= 0xf8ff) ||
	       (c >= 0xfdd0 && c <= 0xfdef) || (c >= 0xfff9 && c <= 0xffff) ||
	       (c & 0xfffe) == 0xfffe || c >= 0xe0000;
}

static bool map_characters(struct str in, struct buf *out)
{
	for (size_t at = 0; at < in.n;) {
		ucs4_t c;
		uint8_t coded[6];
		int n = u8_mbtoucr(&c, (const uint8_t *)in.p + at, in.n - at);
		if (n <= 0)
			return false;
		at += (size_t)n;
		if (is_nothing(c))
			continue;
		if (is_space(c))
			c = ' ';
		n = u8_uctomb(coded, c, sizeof coded);
		if (n <= 0 || !buf_add(out, coded, (size_t)n))
			return false;
	}
	return true;
}

static bool check_characters(const uint8_t *p, size_t n)
{
	for (size_t at = 0; at < n;) {
		ucs4_t c;
		int k = u8_mbtoucr(&c, p + at, n - at);
		if (k <= 0 || is_refused(c))
			return false;
		at += (size_t)k;
	}
	return n > 0;
}

bool sasl_prep(struct str in, struct buf *out)
{
	if (in.n > SASL_PASSWORD_MAX)
		return false;
	if (!str_has_8bit(in))
		return in.n > 0 && !str_has_ctl(in) && buf_adds(out, in);
	struct buf mapped;
	size_t n = 0;
	buf_init(&mapped, 4 * SASL_PASSWORD_MAX);
	uint8_t *normal = NULL;
	bool ok = map_characters(in, &mapped);
	if (ok)
		normal = u8_normalize(UNINORM_NFKC, (const uint8_t *)mapped.p, mapped.n, NULL, &n);
	ok = ok && normal && check_characters(normal, n) && buf_add(out, normal, n);
	if (normal)
		mem_wipe(normal, n);
	free(normal);
	mem_wipe(mapped.p, mapped.n);
	buf_free(&mapped);
	return ok;
}

bool sasl_name_ok(struct str name)
{
	return name.n > 0 && name.n <= SASL_NAME_MAX && !str_has_ctl(name) &&
	       u8_check((const uint8_t *)name.p, name.n) == NULL;
}
