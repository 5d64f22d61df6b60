#include "config.h"
#include "smtp/values.h"
#include "unicode/unicode.h"

#include <stdio.h>

enum { BY_DIGITS = 9, DAY = 86400 };

bool smtp_by_parse(struct str s, struct smtp_by *out)
{
	struct str number;
	ptrdiff_t semi = str_chr(s, ';');
	bool sign;

	*out = (struct smtp_by){0};
	if (semi < 1)
		return false;
	number = str_head(s, (size_t)semi);
	s = str_skip(s, (size_t)semi + 1);
	sign = number.p[0] == '-' || number.p[0] == '+';
	if (number.n > (size_t)BY_DIGITS + sign || !str_i64(number, &out->seconds))
		return false;
	if (s.n < 1 || s.n > 2 || (s.n == 2 && ascii_upper((unsigned char)s.p[1]) != 'T'))
		return false;
	out->mode = (char)ascii_upper((unsigned char)s.p[0]);
	out->trace = s.n == 2;
	return out->mode == 'N' || out->mode == 'R';
}

/* ---- times ---------------------------------------------------------------------------------- */

static bool digits(struct str *s, size_t n, int *out)
{
	*out = 0;
	if (s->n < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!ascii_digit((unsigned char)s->p[i]))
			return false;
		*out = *out * 10 + (s->p[i] - '0');
	}
	*s = str_skip(*s, n);
	return true;
}

static bool letter(struct str *s, char c)
{
	if (!s->n || ascii_upper((unsigned char)s->p[0]) != c)
		return false;
	*s = str_skip(*s, 1);
	return true;
}

static int month_length(int year, int month)
{
	static const int n[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return n[month - 1] + (month == 2 && leap);
}

/* Days since 1970-01-01 in the Gregorian calendar. */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = year - 1, n = y * 365 + y / 4 - y / 100 + y / 400 + day - 719163;

	for (int m = 1; m < month; m++)
		n += month_length(year, m);
	return n;
}

static bool offset(struct str *s, int64_t *out)
{
	int h, m;
	bool minus = letter(s, '-');

	*out = 0;
	if (!minus && letter(s, 'Z'))
		return true;
	if ((!minus && !letter(s, '+')) || !digits(s, 2, &h) || !letter(s, ':') ||
	    !digits(s, 2, &m) || h > 23 || m > 59)
		return false;
	*out = (h * 60 + m) * (minus ? -60 : 60);
	return true;
}

static bool fraction(struct str *s)
{
	if (!letter(s, '.'))
		return true;
	size_t n = 0;
	while (n < s->n && ascii_digit((unsigned char)s->p[n]))
		n++;
	*s = str_skip(*s, n);
	return n > 0;
}

bool smtp_time_parse(struct str s, int64_t *epoch)
{
	int year, month, day, h, m, sec;
	int64_t zone;

	if (!digits(&s, 4, &year) || !letter(&s, '-') || !digits(&s, 2, &month) ||
	    !letter(&s, '-') || !digits(&s, 2, &day) || !letter(&s, 'T') || !digits(&s, 2, &h) ||
	    !letter(&s, ':') || !digits(&s, 2, &m) || !letter(&s, ':') || !digits(&s, 2, &sec) ||
	    !fraction(&s) || !offset(&s, &zone) || s.n)
		return false;
	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > month_length(year, month) ||
	    h > 23 || m > 59 || sec > 60)
		return false;
	*epoch = days_of(year, month, day) * DAY + h * 3600 + m * 60 + sec - zone;
	return true;
}

void smtp_time_format(int64_t epoch, char out[SMTP_TIME_SIZE])
{
	int64_t days = epoch / DAY, left = epoch % DAY;
	int year = 1970, month = 1;

	while (year < 9999 && days_of(year + 1, 1, 1) <= days)
		year++;
	while (month < 12 && days_of(year, month + 1, 1) <= days)
		month++;
	unsigned day = (unsigned)(days - days_of(year, month, 1)) % 31 + 1, sec = (unsigned)left;
	snprintf(out, SMTP_TIME_SIZE, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)year % 10000U,
	    (unsigned)month % 100U, day, sec / 3600 % 24, sec / 60 % 60, sec % 60);
}

/* ---- addresses beyond ASCII -------------------------------------------------------------------
 */

/* \x{HEX}, up to six digits, shortest form; true when it was cut off. */
static bool embedded(struct str *s, uint32_t *cp)
{
	uint64_t n;
	ptrdiff_t end = str_chr(str_head(*s, 10), '}');
	struct str hex = end > 3 ? str_at(s->p + 3, (size_t)end - 3) : STR_NONE;

	if (end < 4 || !str_starts(*s, STR("\\x{")) || hex.p[0] == '0' || !str_hex64(hex, &n) ||
	    n > 0x10ffff || n < 0x20 || n == 0x7f)
		return false;
	*cp = (uint32_t)n;
	*s = str_skip(*s, (size_t)end + 1);
	return true;
}

/* What stands for itself: printable, not "+", "=", "\". */
static bool plain(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != '+' && c != '=' && c != '\\';
}

bool smtp_utf8_addr_decode(struct str s, bool utf8, struct buf *out)
{
	uint32_t cp;

	if (!s.n || (str_has_8bit(s) && (!utf8 || !utf8_valid(s))))
		return false;
	while (s.n) {
		unsigned char c = (unsigned char)s.p[0];

		if (c == '\\') {
			if (!embedded(&s, &cp) || !utf8_add(out, cp))
				return false;
		} else if (plain(c) || c >= 0x80) {
			buf_addc(out, (char)c);
			s = str_skip(s, 1);
		} else
			return false;
	}
	return !out->failed && utf8_valid(buf_str(out));
}

bool smtp_utf8_addr_encode(struct str s, bool utf8, struct buf *out)
{
	uint32_t cp;
	size_t n;

	if (!utf8_valid(s))
		return false;
	for (; s.n; s = str_skip(s, n)) {
		n = utf8_next(s, &cp);
		if (!n)
			return false;
		if (cp < 0x80 ? plain((unsigned char)cp) : utf8)
			buf_add(out, s.p, n);
		else
			buf_addf(out, "\\x{%X}", (unsigned)cp);
	}
	return !out->failed;
}
