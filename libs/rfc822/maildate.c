#include "config.h"

#include "rfc822/rfc822.h"

struct cursor {
	struct str s;
	size_t at;
};

static int peek(const struct cursor *c)
{
	return c->at < c->s.n ? (unsigned char)c->s.p[c->at] : -1;
}

static void skip_blank(struct cursor *c)
{
	bool whole;
	for (int ch; (ch = peek(c)) >= 0;) {
		if (ch == '(')
			c->at = comment_end(c->s, c->at, &whole);
		else if (ascii_space((unsigned char)ch))
			c->at++;
		else
			break;
	}
}

static struct str word(struct cursor *c)
{
	skip_blank(c);
	size_t from = c->at;
	while (peek(c) >= 0 && ascii_alpha((unsigned char)peek(c)))
		c->at++;
	return str_at(c->s.p + from, c->at - from);
}

/* At most `max` digits; how many there were, 0 for none or too many. */
static size_t number(struct cursor *c, size_t max, int *out)
{
	skip_blank(c);
	size_t from = c->at;
	int v = 0;
	while (peek(c) >= 0 && ascii_digit((unsigned char)peek(c))) {
		if (c->at - from == max)
			return 0;
		v = v * 10 + (peek(c) - '0');
		c->at++;
	}
	*out = v;
	return c->at - from;
}

static bool eat(struct cursor *c, char what)
{
	skip_blank(c);
	if (peek(c) != what)
		return false;
	c->at++;
	return true;
}

/* Index of the month or -1; longer names are cut, as "Sept" and "June" are seen. */
static int month_of(struct str s)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
	for (int i = 0; s.n >= 3 && i < 12; i++)
		if (str_ieq(str_head(s, 3), str_at(names + 3 * i, 3)))
			return i;
	return -1;
}

static bool leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	return days[month] + (month == 1 && leap(year));
}

/* Days since 1 January 1970 of the proleptic Gregorian calendar; month from 0. */
static int64_t days_since_epoch(int year, int month, int day)
{
	static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	int64_t y = year - 1;
	int64_t days = y * 365 + y / 4 - y / 100 + y / 400 - 719162;
	return days + before[month] + (month > 1 && leap(year)) + day - 1;
}

struct parts {
	int year, month, day, hour, minute, second;
};

static bool read_year(struct cursor *c, struct parts *p)
{
	size_t n = number(c, 4, &p->year);
	if (n == 2)
		p->year += p->year < 50 ? 2000 : 1900;
	else if (n == 3)
		p->year += 1900;
	return n >= 2 && p->year >= 1;
}

static bool read_time(struct cursor *c, struct parts *p)
{
	p->second = 0;
	if (!number(c, 2, &p->hour) || !eat(c, ':') || !number(c, 2, &p->minute))
		return false;
	if (eat(c, ':')) {
		int fraction;
		if (!number(c, 2, &p->second))
			return false;
		if (peek(c) == '.' && (c->at++, !number(c, 9, &fraction)))
			return false;
	}
	if (p->second == 60)
		p->second = 59;
	return p->hour < 24 && p->minute < 60 && p->second < 60;
}

/* "22 Nov 2026 06:18:00", or as ctime() writes it "Nov 22 06:18:00 2026". */
static bool read_parts(struct cursor *c, struct parts *p)
{
	struct str first = word(c);
	bool comma = eat(c, ',');
	skip_blank(c);
	bool month_first = !comma && peek(c) >= 0 && ascii_alpha((unsigned char)peek(c));
	if (month_first || (!comma && month_of(first) >= 0)) {
		p->month = month_of(month_first ? word(c) : first);
		return p->month >= 0 && number(c, 2, &p->day) && read_time(c, p) && read_year(c, p);
	}
	if (!number(c, 2, &p->day))
		return false;
	eat(c, '-');
	p->month = month_of(word(c));
	eat(c, '-');
	return p->month >= 0 && read_year(c, p) && read_time(c, p);
}

static bool read_offset(struct cursor *c, struct maildate *out)
{
	int sign = peek(c) == '-' ? -1 : 1, v;
	c->at++;
	if (number(c, 4, &v) != 4 || v % 100 >= 60)
		return false;
	out->zone = sign * (v / 100 * 60 + v % 100);
	out->zone_known = v != 0 || sign > 0;
	return true;
}

static const struct {
	const char *name;
	int hours;
} zones[] = {
    {"UT", 0},
    {"UTC", 0},
    {"GMT", 0},
    {"Z", 0},
    {"EST", -5},
    {"EDT", -4},
    {"CST", -6},
    {"CDT", -5},
    {"MST", -7},
    {"MDT", -6},
    {"PST", -8},
    {"PDT", -7},
};

static bool read_zone(struct cursor *c, struct maildate *out)
{
	struct str name = word(c);
	if (name.n == 0)
		skip_blank(c);
	if (peek(c) == '+' || peek(c) == '-')
		return read_offset(c, out);
	for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
		if (str_iis(name, zones[i].name)) {
			out->zone = zones[i].hours * 60;
			out->zone_known = true;
		}
	}
	return true;
}

bool maildate_parse(struct str text, struct maildate *out)
{
	struct cursor c = {.s = text};
	struct maildate d = {0};
	struct parts p;
	if (!read_parts(&c, &p) || !read_zone(&c, &d))
		return false;
	if (p.day < 1 || p.day > days_in(p.year, p.month))
		return false;
	d.epoch = days_since_epoch(p.year, p.month, p.day) * 86400 + p.hour * 3600 + p.minute * 60 +
		  p.second - (int64_t)d.zone * 60;
	*out = d;
	return true;
}
