#include <config.h>

#include "config/config-private.h"

static int64_t unit_seconds(char c)
{
	switch (ascii_lower((unsigned char)c)) {
	case 'w':
		return 7 * 86400;
	case 'd':
		return 86400;
	case 'h':
		return 3600;
	case 'm':
		return 60;
	case 's':
		return 1;
	default:
		return 0;
	}
}

/* Pieces of digits and a unit; a piece without a unit counts seconds and must be the last. */
bool config_parse_time(struct str s, int64_t *seconds)
{
	int64_t total = 0;
	s = str_trim(s);
	if (s.n == 0)
		return false;
	while (s.n) {
		size_t n = 0;
		uint64_t v;
		int64_t unit = 1, part;
		while (n < s.n && ascii_digit((unsigned char)s.p[n]))
			n++;
		if (!str_u64(str_head(s, n), &v) || v > INT64_MAX)
			return false;
		if (n < s.n && (unit = unit_seconds(s.p[n++])) == 0)
			return false;
		if (__builtin_mul_overflow((int64_t)v, unit, &part) ||
		    __builtin_add_overflow(total, part, &total))
			return false;
		s = str_skip(s, n);
	}
	*seconds = total;
	return true;
}

bool config_parse_size(struct str s, int64_t *bytes)
{
	uint64_t v;
	unsigned shift = 0;
	s = str_trim(s);
	if (s.n && !ascii_digit((unsigned char)s.p[s.n - 1])) {
		unsigned char c = ascii_lower((unsigned char)s.p[s.n - 1]);
		shift = c == 'k' ? 10 : c == 'm' ? 20 : c == 'g' ? 30 : 0;
		if (!shift)
			return false;
		s.n--;
	}
	if (!str_u64(s, &v) || v > (uint64_t)INT64_MAX >> shift)
		return false;
	*bytes = (int64_t)(v << shift);
	return true;
}

static bool parse_bool(struct str s, int64_t *v)
{
	static const char *const yes[] = {"1", "yes", "true", "on"}, *const no[] = {"", "0", "no",
									 "false", "off"};
	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		if (str_iis(s, yes[i])) {
			*v = 1;
			return true;
		}
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		if (str_iis(s, no[i])) {
			*v = 0;
			return true;
		}
	uint64_t n; /* "BOFHCHECKDNS=2": any other number is a yes that keeps its value as text */
	if (!str_u64(s, &n))
		return false;
	*v = n != 0;
	return true;
}

bool config_value_check(
    const struct config_setting *s, struct str text, int64_t *number, struct buf *why)
{
	struct str t = str_trim(text);
	bool ok = true;
	*number = 0;
	switch (s->type) {
	case CONFIG_BOOL:
		ok = parse_bool(t, number);
		break;
	case CONFIG_INT:
		ok = t.n == 0 || str_i64(t, number);
		break;
	case CONFIG_TIME:
		ok = t.n == 0 || config_parse_time(t, number);
		break;
	case CONFIG_SIZE:
		ok = t.n == 0 || config_parse_size(t, number);
		break;
	case CONFIG_STRING:
	case CONFIG_LIST:
		if (s->valid && !s->valid(text)) {
			buf_addf(why, "%s cannot be '%.*s': %s", s->name, STR_FMT(text), s->help);
			return false;
		}
		buf_addf(why, "%s: ", s->name);
		if (s->explain && !s->explain(text, why))
			return false;
		buf_clear(why);
		return true;
	}
	static const char *const want[] = {
	    [CONFIG_BOOL] = "0 or 1",
	    [CONFIG_INT] = "a number",
	    [CONFIG_TIME] = "a time like 3600, 2h or 1w2d",
	    [CONFIG_SIZE] = "a size like 10485760 or 10M",
	};
	if (!ok) {
		buf_addf(why, "%s must be %s, not '%.*s'", s->name, want[s->type], STR_FMT(text));
		return false;
	}
	bool ranged = s->type != CONFIG_BOOL && t.n;
	if (ranged && (*number < s->min || (s->max && *number > s->max))) {
		buf_addf(why, "%s is %.*s, outside its range of %lld to %lld", s->name, STR_FMT(t),
		    (long long)s->min, (long long)(s->max ? s->max : INT64_MAX));
		return false;
	}
	return true;
}
