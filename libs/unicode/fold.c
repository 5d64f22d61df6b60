#include "config.h"

#include "unicode/unicode.h"

#include <stdlib.h>
#include <unicase.h>
#include <uninorm.h>

/* The library's result goes to the arena; NULL (no memory, bad input) becomes STR_NONE. */
static struct str adopt(struct arena *a, uint8_t *made, size_t n)
{
	if (!made)
		return STR_NONE;
	struct str s = arena_str(a, str_at(made, n));
	free(made);
	return s;
}

struct str unicode_casefold(struct arena *a, struct str s)
{
	if (!str_has_8bit(s))
		return arena_lower(a, s);
	if (!utf8_valid(s))
		s = charset_to_utf8(a, STR("utf-8"), s);
	if (!s.p)
		return STR_NONE;
	size_t n = 0;
	uint8_t *made = u8_casefold((const uint8_t *)s.p, s.n, NULL, UNINORM_NFKD, NULL, &n);
	return adopt(a, made, n);
}

struct str unicode_nfc(struct arena *a, struct str s)
{
	if (!str_has_8bit(s))
		return arena_str(a, s);
	if (!utf8_valid(s))
		return STR_NONE;
	size_t n = 0;
	uint8_t *made = u8_normalize(UNINORM_NFC, (const uint8_t *)s.p, s.n, NULL, &n);
	return adopt(a, made, n);
}
