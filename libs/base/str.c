#include "config.h"

#include "base/base.h"

bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool str_ieq(struct str a, struct str b)
{
	return a.n == b.n && str_icmp(a, b) == 0;
}

bool str_is(struct str a, const char *z)
{
	return str_eq(a, str_of(z));
}

bool str_iis(struct str a, const char *z)
{
	return str_ieq(a, str_of(z));
}

static int by_length(struct str a, struct str b)
{
	return a.n < b.n ? -1 : a.n > b.n;
}

int str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;
	return c ? c : by_length(a, b);
}

int str_icmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	for (size_t i = 0; i < n; i++) {
		int c = ascii_lower((unsigned char)a.p[i]) - ascii_lower((unsigned char)b.p[i]);
		if (c)
			return c;
	}
	return by_length(a, b);
}

bool str_starts(struct str s, struct str with)
{
	return s.n >= with.n && str_eq(str_head(s, with.n), with);
}

bool str_istarts(struct str s, struct str with)
{
	return s.n >= with.n && str_ieq(str_head(s, with.n), with);
}

bool str_ends(struct str s, struct str with)
{
	return s.n >= with.n && str_eq(str_skip(s, s.n - with.n), with);
}

bool str_iends(struct str s, struct str with)
{
	return s.n >= with.n && str_ieq(str_skip(s, s.n - with.n), with);
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
	while (s.n && blank(s.p[0]))
		s = str_skip(s, 1);
	while (s.n && blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

ptrdiff_t str_chr(struct str s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;
	return at ? at - s.p : -1;
}

ptrdiff_t str_rchr(struct str s, char c)
{
	for (size_t i = s.n; i-- > 0;)
		if (s.p[i] == c)
			return (ptrdiff_t)i;
	return -1;
}

ptrdiff_t str_find(struct str s, struct str what)
{
	if (what.n == 0)
		return 0;
	const char *at = s.n ? memmem(s.p, s.n, what.p, what.n) : NULL;
	return at ? at - s.p : -1;
}

ptrdiff_t str_ifind(struct str s, struct str what)
{
	for (size_t i = 0; i + what.n <= s.n; i++)
		if (str_icmp(str_at(s.p + i, what.n), what) == 0)
			return (ptrdiff_t)i;
	return -1;
}

bool str_split(struct str *rest, char sep, struct str *piece)
{
	if (!rest->p)
		return false;
	ptrdiff_t at = str_chr(*rest, sep);
	if (at < 0) {
		*piece = *rest;
		*rest = STR_NONE;
		return true;
	}
	*piece = str_head(*rest, (size_t)at);
	*rest = str_skip(*rest, (size_t)at + 1);
	return true;
}

bool str_word(struct str *rest, struct str *word)
{
	size_t i = 0;
	while (i < rest->n && (rest->p[i] == ' ' || rest->p[i] == '\t'))
		i++;
	size_t from = i;
	while (i < rest->n && rest->p[i] != ' ' && rest->p[i] != '\t')
		i++;
	*word = str_head(str_skip(*rest, from), i - from);
	*rest = str_skip(*rest, i);
	return word->n > 0;
}

bool str_u64(struct str s, uint64_t *out)
{
	uint64_t v = 0;
	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!ascii_digit((unsigned char)s.p[i]))
			return false;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return false;
	}
	*out = v;
	return true;
}

bool str_i64(struct str s, int64_t *out)
{
	bool neg = s.n && s.p[0] == '-';
	if (s.n && (neg || s.p[0] == '+'))
		s = str_skip(s, 1);
	uint64_t v;
	if (!str_u64(s, &v) || v > (uint64_t)INT64_MAX)
		return false;
	*out = neg ? -(int64_t)v : (int64_t)v;
	return true;
}

bool str_hex64(struct str s, uint64_t *out)
{
	uint64_t v = 0;
	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		int d = hex_digit((unsigned char)s.p[i]);
		if (d < 0 || v >> 60)
			return false;
		v = v << 4 | (unsigned)d;
	}
	*out = v;
	return true;
}

bool str_has_8bit(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] & 0x80)
			return true;
	return false;
}

bool str_has_ctl(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

bool str_has_crlf(struct str s)
{
	const char *end = s.p + s.n;
	for (const char *p = s.p; s.n && (p = memchr(p, '\r', (size_t)(end - p))); p++)
		if (p + 1 < end && p[1] == '\n')
			return true;
	return false;
}
