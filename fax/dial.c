#include "config.h"

#include "fax/fax.h"

static bool dialled(char c)
{
	return c && strchr("0123456789ABCD*#W,@", c);
}

bool fax_number_valid(struct str number)
{
	for (size_t i = 0; i < number.n; i++)
		if (!dialled(number.p[i]))
			return false;
	return number.n > 0 && number.n <= FAX_NUMBER_MAX;
}

bool fax_number_parse(struct str local, struct fax_number *out)
{
	out->n = 0;
	if (local.n == 0 || local.n > FAX_NUMBER_MAX)
		return false;
	for (size_t i = 0; i < local.n; i++) {
		char c = (char)ascii_upper((unsigned char)local.p[i]);
		if (c == ',' || c == '@')
			return false; /* they stand for themselves in no address */
		c = c == '-' ? ',' : c == '+' ? '@' : c;
		if (!dialled(c))
			return false;
		out->p[out->n++] = c;
	}
	out->p[out->n] = 0;
	return true;
}

bool fax_options_parse(struct str domain, struct fax_options *out)
{
	struct str word;
	*out = (struct fax_options){0};
	if (!str_split(&domain, '-', &word) || !str_iis(word, "fax"))
		return false;
	while (str_split(&domain, '-', &word)) {
		if (str_iis(word, "lowres"))
			out->lowres = true;
		else if (str_iis(word, "ignore"))
			out->ignore = true;
		else if (str_iis(word, "cover"))
			out->cover = true;
		else
			return false;
	}
	return true;
}

struct str fax_source(struct str source)
{
	if (str_is(source, "dsn") || str_ends(source, STR("/dsn")))
		return STR("dsn");
	if (str_is(source, "smtp") || str_is(source, "authsmtp") || str_is(source, "esmtp"))
		return STR("esmtp");
	return source;
}

/* ---- matching -------------------------------------------------------------------------------- */

enum { GROUPS = 8, REST = 9 };

struct match {
	struct str part[REST + 1];
	size_t groups;
};

static char meant(char c)
{
	return c == '~' ? '#' : c == '-' ? ',' : c == '+' ? '@' : c;
}

static bool one_matches(char pattern, char c)
{
	if (pattern == 'n')
		return ascii_digit((unsigned char)c);
	return pattern == '.' || meant(pattern) == c;
}

static bool matches(const struct fax_rule *r, struct str number, struct match *m)
{
	size_t at = 0, open = 0;
	bool inside = false;
	*m = (struct match){0};
	for (size_t i = 0; i < r->search.n; i++) {
		char p = r->search.p[i];
		if (p == '(') {
			inside = true;
			open = at;
		} else if (p == ')') {
			inside = false;
			m->part[++m->groups] = str_skip(str_head(number, at), open);
		} else if (at == number.n || !one_matches(p, number.p[at++]))
			return false;
	}
	m->part[REST] = str_skip(number, at);
	return !inside && (r->prefix || at == number.n);
}

/* False: the result is too long, or no number any more (then nothing is dialled). */
static bool replace(const struct fax_rule *r, const struct match *m, struct fax_number *out)
{
	struct fax_number fresh = {.n = 0};
	for (size_t i = 0; i < r->what.n; i++) {
		char c = r->what.p[i];
		bool group = c == '$' && i + 1 < r->what.n && r->what.p[i + 1] >= '1' &&
			     r->what.p[i + 1] <= '9';
		char one = meant(c);
		struct str add = group ? m->part[r->what.p[++i] - '0'] : str_at(&one, 1);
		if (fresh.n + add.n > FAX_NUMBER_MAX)
			return false;
		if (add.n)
			memcpy(fresh.p + fresh.n, add.p, add.n);
		fresh.n += add.n;
	}
	fresh.p[fresh.n] = 0;
	*out = fresh;
	return true;
}

/* A rule with '*' is repeated while it matches and changes anything. */
static bool rewrite(const struct fax_rule *r, struct fax_number *number)
{
	struct match m;
	for (unsigned i = 0; i < FAX_REPEAT_MAX; i++) {
		struct fax_number before = *number;
		if (!matches(r, str_at(before.p, before.n), &m))
			break;
		if (!replace(r, &m, number))
			return false;
		if (!r->repeat || str_eq(str_at(before.p, before.n), str_at(number->p, number->n)))
			break;
	}
	return true;
}

bool fax_rules_apply(const struct fax_rules *rules, struct str source, struct fax_number *number)
{
	bool accepted = false;
	struct match m;
	for (size_t i = 0; i < rules->n; i++) {
		const struct fax_rule *r = &rules->v[i];
		if (r->verb == FAX_RW) {
			if (!rewrite(r, number))
				return false;
		} else if (str_eq(r->what, source) &&
			   matches(r, str_at(number->p, number->n), &m)) {
			if (r->verb == FAX_REJECT)
				return false;
			accepted = true;
		}
	}
	return accepted && fax_number_valid(str_at(number->p, number->n));
}
