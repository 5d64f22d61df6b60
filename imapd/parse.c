#include "config.h"

#include "imapd/parse.h"
#include "maildir/maildir.h"

static bool atom_char(unsigned char c)
{
	return c > ' ' && c < 0x7f && !strchr("(){%*\"\\]", c);
}

static bool astring_char(unsigned char c)
{
	return atom_char(c) || c == ']';
}

static bool list_char(unsigned char c)
{
	return astring_char(c) || c == '%' || c == '*';
}

static bool tag_char(unsigned char c)
{
	return astring_char(c) && c != '+';
}

static bool take_run(struct parser *p, bool (*ok)(unsigned char), struct str *out)
{
	size_t n = 0;
	while (n < p->rest.n && ok((unsigned char)p->rest.p[n]))
		n++;
	*out = str_head(p->rest, n);
	p->rest = str_skip(p->rest, n);
	return n > 0;
}

bool parse_char(struct parser *p, char c)
{
	if (p->rest.n == 0 || p->rest.p[0] != c)
		return false;
	p->rest = str_skip(p->rest, 1);
	return true;
}

bool parse_sp(struct parser *p)
{
	if (!parse_char(p, ' '))
		return false;
	while (parse_char(p, ' '))
		;
	return true;
}

bool parse_end(struct parser *p)
{
	while (parse_char(p, ' '))
		;
	return p->rest.n == 0;
}

bool parse_tag(struct parser *p, struct str *out)
{
	return take_run(p, tag_char, out);
}

bool parse_atom(struct parser *p, struct str *out)
{
	return take_run(p, atom_char, out);
}

bool parse_word(struct parser *p, const char *word)
{
	struct parser q = *p;
	struct str atom;
	if (!parse_atom(&q, &atom) || !str_iis(atom, word))
		return false;
	*p = q;
	return true;
}

static bool number(struct parser *p, uint64_t max, uint64_t *out)
{
	size_t n = 0;
	uint64_t v;
	while (n < p->rest.n && ascii_digit((unsigned char)p->rest.p[n]))
		n++;
	if (!str_u64(str_head(p->rest, n), &v) || v > max)
		return false;
	*out = v;
	p->rest = str_skip(p->rest, n);
	return true;
}

bool parse_number64(struct parser *p, uint64_t *out)
{
	return number(p, INT64_MAX, out);
}

bool parse_number(struct parser *p, uint32_t *out)
{
	uint64_t v;
	if (!number(p, UINT32_MAX, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}

static bool quoted(struct parser *p, struct str *out)
{
	struct str s = str_skip(p->rest, 1);
	char *copy = arena_alloc(p->arena, s.n + 1);
	size_t n = 0;
	for (size_t i = 0; copy && i < s.n; i++) {
		char c = s.p[i];
		if (c == '"') {
			*out = str_at(copy, n);
			p->rest = str_skip(s, i + 1);
			return true;
		}
		if (c == '\\' && ++i < s.n)
			c = s.p[i];
		if (c == '\r' || c == '\n' || c == 0)
			return false;
		copy[n++] = c;
	}
	return false;
}

static bool literal(struct parser *p, struct str *out)
{
	struct parser q = *p;
	uint64_t n;
	parse_char(&q, '~');
	if (!parse_char(&q, '{') || !parse_number64(&q, &n))
		return false;
	parse_char(&q, '+');
	if (!parse_char(&q, '}') || !parse_char(&q, '\r') || !parse_char(&q, '\n') || n > q.rest.n)
		return false;
	*out = str_head(q.rest, (size_t)n);
	q.rest = str_skip(q.rest, (size_t)n);
	*p = q;
	return true;
}

bool parse_string(struct parser *p, struct str *out)
{
	if (p->rest.n && p->rest.p[0] == '"')
		return quoted(p, out);
	return literal(p, out);
}

bool parse_astring(struct parser *p, struct str *out)
{
	return parse_string(p, out) || take_run(p, astring_char, out);
}

bool parse_list_mailbox(struct parser *p, struct str *out)
{
	return parse_string(p, out) || take_run(p, list_char, out);
}

bool parse_literal_tail(struct str line, struct literal *out)
{
	struct literal l = {0};
	struct str s = line;
	if (s.n < 3 || s.p[s.n - 1] != '}')
		return false;
	s.n--;
	if (s.p[s.n - 1] == '+') {
		l.nonsync = true;
		s.n--;
	}
	ptrdiff_t brace = str_rchr(s, '{');
	if (brace < 0 || !str_u64(str_skip(s, (size_t)brace + 1), &l.size) || l.size > INT64_MAX)
		return false;
	l.binary = brace > 0 && s.p[brace - 1] == '~';
	l.at = (size_t)brace - l.binary;
	*out = l;
	return true;
}

static bool set_number(struct parser *p, uint32_t *out)
{
	if (parse_char(p, '*')) {
		*out = 0;
		return true;
	}
	return parse_number(p, out) && *out != 0;
}

bool parse_set(struct parser *p, struct seqset *out)
{
	struct parser q = *p;
	VEC(struct set_range) v = {0};
	bool ok;
	*out = (struct seqset){0};
	if (parse_char(p, '$'))
		return out->saved = true;
	do {
		struct set_range r;
		ok = v.n < PARSE_SET_MAX && set_number(&q, &r.from);
		r.to = r.from;
		if (ok && parse_char(&q, ':'))
			ok = set_number(&q, &r.to);
		if (ok)
			vec_push(&v, r);
	} while (ok && parse_char(&q, ','));
	out->n = v.n;
	out->v = ok ? arena_alloc(p->arena, v.n * sizeof *v.v) : NULL;
	if (out->v) {
		memcpy(out->v, v.v, v.n * sizeof *v.v);
		*p = q;
	}
	vec_free(&v);
	return out->v != NULL;
}

static bool saved_has(const struct seqset *s, uint32_t n)
{
	size_t lo = 0, hi = s->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->v[mid].to < n)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->n && s->v[lo].from <= n;
}

bool set_has(const struct seqset *s, uint32_t n, uint32_t max)
{
	if (s->saved)
		return saved_has(s, n);
	for (size_t i = 0; i < s->n; i++) {
		uint32_t from = s->v[i].from ? s->v[i].from : max,
			 to = s->v[i].to ? s->v[i].to : max;
		if (from > to) {
			uint32_t swap = from;
			from = to;
			to = swap;
		}
		if (n >= from && n <= to)
			return true;
	}
	return false;
}

unsigned parse_name(struct parser *p, const struct parse_name *names, size_t n)
{
	struct parser q = *p;
	struct str word;
	if (!parse_atom(&q, &word))
		return 0;
	for (size_t i = 0; i < n; i++)
		if (str_iis(word, names[i].name)) {
			*p = q;
			return names[i].bit;
		}
	return 0;
}

static const struct {
	const char *name;
	unsigned flag;
} system_flags[] = {
    {"Answered", MAILDIR_REPLIED},
    {"Flagged", MAILDIR_FLAGGED},
    {"Deleted", MAILDIR_TRASHED},
    {"Seen", MAILDIR_SEEN},
    {"Draft", MAILDIR_DRAFT},
};

static bool one_flag(struct parser *p, struct flag_list *out)
{
	struct str atom;
	bool system = parse_char(p, '\\');
	if (!parse_atom(p, &atom))
		return false;
	if (!system) {
		if (out->nkeywords >= PARSE_FLAGS_MAX || !maildir_keyword_ok(atom))
			return false;
		out->keywords[out->nkeywords++] = atom;
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(system_flags); i++)
		if (str_iis(atom, system_flags[i].name)) {
			out->flags |= system_flags[i].flag;
			return true;
		}
	out->recent |= str_iis(atom, "Recent");
	return out->recent;
}

bool parse_flags_bare(struct parser *p, struct flag_list *out)
{
	struct parser q = *p;
	*out = (struct flag_list){
	    .keywords = arena_alloc(p->arena, PARSE_FLAGS_MAX * sizeof *out->keywords)};
	if (!out->keywords)
		return false;
	bool list = parse_char(&q, '(');
	if (!list || !parse_char(&q, ')')) {
		do
			if (!one_flag(&q, out))
				return false;
		while (parse_sp(&q));
		if (list && !parse_char(&q, ')'))
			return false;
	}
	*p = q;
	return true;
}

bool parse_flag_list(struct parser *p, struct flag_list *out)
{
	return p->rest.n && p->rest.p[0] == '(' && parse_flags_bare(p, out);
}
