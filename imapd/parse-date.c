/* Dates of IMAP commands.  Pure. */
#include "config.h"

#include "imapd/parse.h"

static const char months[12][4] = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

const char *month_name(unsigned month_0)
{
	return months[month_0 % 12];
}

/* Proleptic Gregorian calendar; years are counted from March so that leap days come last. */
int64_t days_from_civil(int64_t y, unsigned m, unsigned d)
{
	y -= m <= 2;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	unsigned yoe = (unsigned)(y - era * 400);
	unsigned doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + (int64_t)doe - 719468;
}

static bool month(struct parser *p, unsigned *out)
{
	struct str s = str_head(p->rest, 3);
	for (unsigned i = 0; i < 12; i++)
		if (str_iis(s, months[i])) {
			*out = i + 1;
			p->rest = str_skip(p->rest, 3);
			return true;
		}
	return false;
}

static unsigned month_days(unsigned m, unsigned y)
{
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	return m == 2 ? 28 + leap : m == 4 || m == 6 || m == 9 || m == 11 ? 30 : 31;
}

static bool day_month_year(struct parser *p, int64_t *days)
{
	uint32_t d, y;
	unsigned m;
	if (!parse_number(p, &d) || !parse_char(p, '-') || !month(p, &m) || !parse_char(p, '-') ||
	    !parse_number(p, &y) || y > 9999 || d == 0 || d > month_days(m, y))
		return false;
	*days = days_from_civil(y, m, d);
	return true;
}

bool parse_date(struct parser *p, int64_t *days)
{
	struct parser q = *p;
	bool quote = parse_char(&q, '"');
	if (!day_month_year(&q, days) || (quote && !parse_char(&q, '"')))
		return false;
	*p = q;
	return true;
}

static bool two(struct parser *p, uint32_t max, uint32_t *out)
{
	return p->rest.n >= 2 && ascii_digit((unsigned char)p->rest.p[1]) && parse_number(p, out) &&
	       *out <= max;
}

bool parse_date_time(struct parser *p, int64_t *out)
{
	struct parser q = *p;
	int64_t days;
	uint32_t h, m, s, zone;
	if (!parse_char(&q, '"'))
		return false;
	parse_char(&q, ' ');
	if (!day_month_year(&q, &days) || !parse_char(&q, ' ') || !two(&q, 23, &h) ||
	    !parse_char(&q, ':') || !two(&q, 59, &m) || !parse_char(&q, ':') || !two(&q, 60, &s) ||
	    !parse_char(&q, ' '))
		return false;
	bool west = parse_char(&q, '-');
	if ((!west && !parse_char(&q, '+')) || q.rest.n < 5 || q.rest.p[4] != '"' ||
	    !parse_number(&q, &zone) || zone % 100 > 59 || zone > 2359 || !parse_char(&q, '"'))
		return false;
	int64_t east = (int64_t)(zone / 100 * 60 + zone % 100) * 60;
	*out = days * 86400 + h * 3600 + m * 60 + s - (west ? -east : east);
	*p = q;
	return true;
}
