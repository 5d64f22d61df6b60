/* Macros (RFC 7208, 7). */
#include "spf/spf-private.h"

#define DELIMITERS  ".-+,/_="
#define LETTERS     "slodipvh"
#define LETTERS_EXP "slodipvhcrt"

struct macro {
	char letter; /* lower case */
	bool url, reverse;
	unsigned keep; /* parts from the right; 0: all */
	struct str delimiters;
};

static bool one_of(const char *set, char c)
{
	return c && strchr(set, c) != NULL;
}

/* What stands between "%{" and "}"; the digits of a part count are bounded, their value is not. */
static bool parse_body(struct str s, bool explaining, struct macro *out)
{
	size_t n = 1;
	*out = (struct macro){0};
	if (s.n == 0)
		return false;
	out->letter = (char)ascii_lower((unsigned char)s.p[0]);
	out->url = out->letter != s.p[0];
	if (!one_of(explaining ? LETTERS_EXP : LETTERS, out->letter))
		return false;
	for (; n < s.n && ascii_digit((unsigned char)s.p[n]); n++)
		if (out->keep < 1000)
			out->keep = out->keep * 10 + (unsigned)(s.p[n] - '0');
	if (n > 1 && out->keep == 0)
		return false;
	if (n < s.n && ascii_lower((unsigned char)s.p[n]) == 'r') {
		out->reverse = true;
		n++;
	}
	out->delimiters = str_skip(s, n);
	for (; n < s.n; n++)
		if (!one_of(DELIMITERS, s.p[n]))
			return false;
	return true;
}

/*
 * Cuts the next piece off *rest: a literal run, an escape (*literal is its text) or a macro.
 * false: malformed.
 */
static bool next_piece(struct str *rest, bool explaining, struct str *literal, struct macro *m)
{
	size_t n = 0;
	m->letter = 0;
	while (n < rest->n && rest->p[n] != '%')
		n++;
	if (n) {
		*literal = str_head(*rest, n);
		*rest = str_skip(*rest, n);
		return true;
	}
	if (rest->n < 2)
		return false;
	char c = rest->p[1];
	if (c == '{') {
		ptrdiff_t end = str_chr(*rest, '}');
		if (end < 0)
			return false;
		struct str body = str_head(str_skip(*rest, 2), (size_t)end - 2);
		*rest = str_skip(*rest, (size_t)end + 1);
		return parse_body(body, explaining, m);
	}
	*literal = c == '%' ? STR("%") : c == '_' ? STR(" ") : STR("%20");
	*rest = str_skip(*rest, 2);
	return c == '%' || c == '_' || c == '-';
}

bool spf_macro_valid(struct str text, bool explaining)
{
	struct str literal;
	struct macro m;
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c < (explaining ? ' ' : '!') || c > '~')
			return false;
	}
	while (text.n)
		if (!next_piece(&text, explaining, &literal, &m))
			return false;
	return true;
}

static bool top_label(struct str s)
{
	bool other = false;
	if (s.n == 0 || s.n > 63 || s.p[0] == '-' || s.p[s.n - 1] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!ascii_alnum((unsigned char)s.p[i]) && s.p[i] != '-')
			return false;
		other |= !ascii_digit((unsigned char)s.p[i]);
	}
	return other;
}

/* macro-string domain-end: a macro, or a dot and a top label, at its end. */
bool spf_domain_spec_valid(struct str text)
{
	struct str rest = text, literal = STR_NONE;
	struct macro m = {0};
	bool by_escape = false;
	if (text.n == 0 || !spf_macro_valid(text, false))
		return false;
	while (rest.n) {
		by_escape = rest.p[0] == '%';
		if (!next_piece(&rest, false, &literal, &m))
			return false;
	}
	if (by_escape)
		return true;
	if (literal.p[literal.n - 1] == '.')
		literal.n--;
	ptrdiff_t dot = str_rchr(literal, '.');
	return dot >= 0 && top_label(str_skip(literal, (size_t)dot + 1));
}

/* ---- expansion ------------------------------------------------------------------------------- */

enum { PARTS_MAX = 512 };

static size_t cut_parts(struct str value, const struct macro *m, struct str *parts)
{
	size_t n = 0, start = 0;
	for (size_t i = 0; i <= value.n && n < PARTS_MAX; i++) {
		bool cut = i == value.n;
		if (!cut)
			cut = m->delimiters.n ? str_chr(m->delimiters, value.p[i]) >= 0
					      : value.p[i] == '.';
		if (!cut)
			continue;
		parts[n++] = str_head(str_skip(value, start), i - start);
		start = i + 1;
	}
	return n;
}

static bool unreserved(unsigned char c)
{
	return ascii_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static void add_part(struct buf *out, struct str part, bool url)
{
	for (size_t i = 0; i < part.n; i++) {
		unsigned char c = (unsigned char)part.p[i];
		if (url && !unreserved(c))
			buf_addf(out, "%%%02X", c);
		else
			buf_addc(out, (char)c);
	}
}

static void add_value(const struct macro *m, struct str value, struct buf *out)
{
	struct str parts[PARTS_MAX];
	size_t n = cut_parts(value, m, parts);
	size_t from = m->keep && m->keep < n ? n - m->keep : 0;
	for (size_t i = from; i < n; i++) {
		/* Reversed, the parts that are kept are the last ones of the reversed order. */
		size_t at = m->reverse ? n - 1 - i : i;
		if (i > from)
			buf_addc(out, '.');
		add_part(out, parts[at], m->url);
	}
}

int spf_macro_expand(struct str text, const struct spf_macros *m, struct buf *out)
{
	struct str literal, value;
	struct macro one;
	while (text.n) {
		if (!next_piece(&text, m->explaining, &literal, &one))
			return 0;
		if (!one.letter) {
			buf_adds(out, literal);
			continue;
		}
		if (m->get(m->ctx, one.letter, &value) < 0)
			return -1;
		add_value(&one, value, out);
	}
	return !out->failed;
}
