/* Base subjects (RFC 5256, 2.1; names of the steps are the RFC's). */
#include "config.h"

#include "rfc822/rfc822.h"

/* Runs of blanks become one blank. */
static struct str collapse(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0;
	if (!p)
		return STR_NONE;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
		if (!blank)
			p[n++] = c;
		else if (n && p[n - 1] != ' ')
			p[n++] = ' ';
	}
	p[n] = 0;
	return str_at(p, n);
}

static struct str skip_blank(struct str s)
{
	while (s.n && s.p[0] == ' ')
		s = str_skip(s, 1);
	return s;
}

/* subj-trailer: "(fwd)" and blanks at the end. */
static struct str without_trailers(struct str s, bool *reply)
{
	for (;;) {
		while (s.n && s.p[s.n - 1] == ' ')
			s.n--;
		if (!str_iends(s, STR("(fwd)")))
			return s;
		s.n -= 5;
		*reply = true;
	}
}

/* subj-blob: "[...]" with blanks behind; its length or 0. */
static size_t blob(struct str s)
{
	if (s.n == 0 || s.p[0] != '[')
		return 0;
	size_t i = 1;
	while (i < s.n && s.p[i] != '[' && s.p[i] != ']')
		i++;
	if (i == s.n || s.p[i] != ']')
		return 0;
	for (i++; i < s.n && s.p[i] == ' ';)
		i++;
	return i;
}

/* subj-refwd: "re:", "fw:", "fwd:", "re [x]:"; its length or 0. */
static size_t refwd(struct str s)
{
	size_t n = str_istarts(s, STR("fwd"))                               ? 3
		   : str_istarts(s, STR("fw")) || str_istarts(s, STR("re")) ? 2
									    : 0;
	if (n == 0)
		return 0;
	struct str rest = skip_blank(str_skip(s, n));
	rest = str_skip(rest, blob(rest));
	if (rest.n == 0 || rest.p[0] != ':')
		return 0;
	return (size_t)(rest.p + 1 - s.p);
}

/* Steps 3 to 5.  All blobs of a run are looked at once, so that a long run stays linear. */
static struct str without_leaders(struct str s, bool *reply)
{
	for (;;) {
		s = skip_blank(s);
		struct str rest = s, last = s;
		for (size_t n; (n = blob(rest)) > 0;) {
			last = rest;
			rest = str_skip(rest, n);
		}
		size_t n = refwd(rest);
		if (n == 0)
			return rest.n ? rest : last; /* a blob that is all there is stays */
		*reply = true;
		s = str_skip(rest, n);
	}
}

struct str subject_base(struct arena *a, struct str subject, bool *reply)
{
	bool seen = false;
	struct str s = collapse(a, subject);
	if (!s.p)
		return STR_NONE;
	for (;;) {
		s = without_leaders(without_trailers(s, &seen), &seen);
		if (!str_istarts(s, STR("[fwd:")) || !str_ends(s, STR("]")))
			break;
		s = str_skip(s, 5);
		s.n--;
		seen = true;
	}
	if (reply)
		*reply = seen;
	return s;
}
