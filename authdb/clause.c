#include "config.h"

#include "authdb/clause.h"

static const char *const names[CLAUSE_VARIABLES] = {
    [CLAUSE_LOCAL_PART] = "local_part",
    [CLAUSE_DOMAIN] = "domain",
    [CLAUSE_SERVICE] = "service",
    [CLAUSE_NEWPASS] = "newpass",
    [CLAUSE_NEWPASS_CRYPT] = "newpass_crypt",
    [CLAUSE_LOGIN] = "login",
};

struct scan {
	enum clause_dialect d;
	struct str left;
	unsigned allowed;
	struct arena *a;
	struct clause *c;
	struct buf sql;
	const char *why;
};

static bool fault(struct scan *s, const char *why)
{
	if (!s->why)
		s->why = why;
	return false;
}

static char peek(const struct scan *s, size_t at)
{
	return at < s->left.n ? s->left.p[at] : 0;
}

static bool copy(struct scan *s, size_t n)
{
	buf_adds(&s->sql, str_head(s->left, n));
	s->left = str_skip(s->left, n);
	return true;
}

/* $(name) at the beginning of text: its length, or 0; *variable -1: no such name. */
static size_t variable_at(struct str text, int *variable)
{
	if (text.n < 3 || text.p[0] != '$' || text.p[1] != '(')
		return 0;
	ptrdiff_t end = str_chr(text, ')');
	if (end < 0)
		return 0;
	struct str name = str_range(text.p + 2, text.p + end);
	*variable = -1;
	for (int i = 0; i < CLAUSE_VARIABLES; i++)
		if (str_is(name, names[i]))
			*variable = i;
	return (size_t)end + 1;
}

static bool add_piece(struct scan *s, int variable, struct str text)
{
	struct clause *c = s->c;
	if (c->n_pieces == CLAUSE_PIECES_MAX)
		return fault(s, "too many $(variables)");
	c->piece[c->n_pieces++] = (struct clause_piece){variable, text};
	c->param[c->n].n++;
	return true;
}

static bool add_variable(struct scan *s, int variable)
{
	if (variable < 0 || !(s->allowed & 1U << variable))
		return fault(s, "a $(variable) that is not known here");
	return add_piece(s, variable, STR_NONE);
}

static bool begin_param(struct scan *s)
{
	if (s->c->n == CLAUSE_PARAMS_MAX)
		return fault(s, "too many $(variables)");
	s->c->param[s->c->n].first = s->c->n_pieces;
	s->c->param[s->c->n].n = 0;
	return true;
}

static bool end_param(struct scan *s)
{
	s->c->n++;
	if (s->d == CLAUSE_PGSQL)
		buf_addf(&s->sql, "$%u", s->c->n);
	else
		buf_addc(&s->sql, '?');
	return true;
}

/* The length of a quoted thing with its quotes; 0: it has no end. */
static size_t quoted_length(struct str text, char quote, bool escapes)
{
	for (size_t i = 1; i < text.n; i++) {
		if (escapes && text.p[i] == '\\')
			i++;
		else if (text.p[i] == quote && i + 1 < text.n && text.p[i + 1] == quote)
			i++;
		else if (text.p[i] == quote)
			return i + 1;
	}
	return 0;
}

static bool has_variable(struct str text)
{
	return str_find(text, STR("$(")) >= 0;
}

static char unescaped(char c)
{
	static const char from[] = "0bnrtZ", to[] = "\0\b\n\r\t\032";
	const char *at = c ? strchr(from, c) : NULL;
	return at ? to[at - from] : c;
}

static bool flush(struct scan *s, struct buf *text)
{
	if (text->n == 0)
		return true;
	struct str copied = arena_str(s->a, buf_str(text));
	buf_clear(text);
	return copied.p ? add_piece(s, -1, copied) : fault(s, "the statement is too large");
}

/* The inside of a literal, as pieces. */
static bool pieces_of(struct scan *s, struct str in, char quote, bool escapes, struct buf *text)
{
	int variable;
	for (size_t n; in.n; in = str_skip(in, n)) {
		n = variable_at(in, &variable);
		if (n) {
			if (!flush(s, text) || !add_variable(s, variable))
				return false;
			continue;
		}
		if (str_starts(in, STR("$(")))
			return fault(s, "a $(variable) without its )");
		n = 1;
		char c = in.p[0];
		if (escapes && c == '\\' && in.n > 1) {
			n = 2;
			/* LIKE keeps these two as they are */
			if (in.p[1] == '%' || in.p[1] == '_')
				buf_addc(text, '\\');
			c = unescaped(in.p[1]);
		} else if (c == quote) {
			n = 2;
		}
		buf_addc(text, c);
	}
	return flush(s, text);
}

static bool literal(struct scan *s, char quote)
{
	char before = s->sql.n ? s->sql.p[s->sql.n - 1] : ' ';
	bool prefixed = ascii_alnum((unsigned char)before) || before == '_' || before == '&';
	bool escapes = s->d == CLAUSE_MYSQL ||
		       (s->d == CLAUSE_PGSQL && ascii_lower((unsigned char)before) == 'e');
	size_t n = quoted_length(s->left, quote, escapes);
	struct buf text;
	if (!n)
		return fault(s, "a quote that is not closed");
	if (!has_variable(str_head(s->left, n)))
		return copy(s, n);
	if (prefixed)
		return fault(s, "a $(variable) in a literal with a letter before it");
	struct str inside = str_range(s->left.p + 1, s->left.p + n - 1);
	s->left = str_skip(s->left, n);
	buf_init(&text, CLAUSE_TEXT_MAX);
	bool good = begin_param(s) && pieces_of(s, inside, quote, escapes, &text) && end_param(s);
	buf_free(&text);
	return good;
}

static bool identifier(struct scan *s, char quote)
{
	size_t n = quoted_length(s->left, quote, false);
	if (!n)
		return fault(s, "a quote that is not closed");
	if (has_variable(str_head(s->left, n)))
		return fault(s, "a $(variable) in the name of a column or table");
	return copy(s, n);
}

static bool comment(struct scan *s, const char *end, bool needed)
{
	ptrdiff_t at = str_find(s->left, str_of(end));
	if (at < 0 && needed)
		return fault(s, "a comment that is not closed");
	return copy(s, at < 0 ? s->left.n : (size_t)at + strlen(end));
}

/* $tag$ ... $tag$ of PostgreSQL: the length of "$tag$", or 0. */
static size_t dollar_tag(struct str text)
{
	size_t n = 1;
	while (n < text.n && (ascii_alnum((unsigned char)text.p[n]) || text.p[n] == '_'))
		n++;
	bool tag =
	    n < text.n && text.p[n] == '$' && !(n > 1 && ascii_digit((unsigned char)text.p[1]));
	return tag ? n + 1 : 0;
}

static bool dollar(struct scan *s)
{
	int variable;
	size_t n = variable_at(s->left, &variable);
	if (n) {
		s->left = str_skip(s->left, n);
		return begin_param(s) && add_variable(s, variable) && end_param(s);
	}
	n = s->d == CLAUSE_PGSQL ? dollar_tag(s->left) : 0;
	if (!n)
		return s->d == CLAUSE_PGSQL && !ascii_digit((unsigned char)peek(s, 1))
			   ? copy(s, 1)
			   : fault(s, "a parameter that is none of the $(variables)");
	ptrdiff_t end = str_find(str_skip(s->left, n), str_head(s->left, n));
	if (end < 0)
		return fault(s, "a quote that is not closed");
	if (has_variable(str_head(s->left, (size_t)end + n)))
		return fault(s, "a $(variable) in a literal of the form $$...$$");
	return copy(s, (size_t)end + 2 * n);
}

static bool step(struct scan *s)
{
	bool mysql = s->d == CLAUSE_MYSQL;
	char c = peek(s, 0), next = peek(s, 1);
	if (c == '\'' || (c == '"' && s->d != CLAUSE_PGSQL))
		return literal(s, c);
	if (c == '"' || (c == '`' && s->d != CLAUSE_PGSQL))
		return identifier(s, c);
	if (c == '-' && next == '-' && (!mysql || ascii_space((unsigned char)peek(s, 2))))
		return comment(s, "\n", false);
	if (c == '#' && mysql)
		return comment(s, "\n", false);
	if (c == '/' && next == '*')
		return comment(s, "*/", true);
	if (c == '$')
		return dollar(s);
	if (c == '?' && s->d != CLAUSE_PGSQL)
		return fault(s, "a parameter that is none of the $(variables)");
	return copy(s, 1);
}

struct clause *clause_parse(
    enum clause_dialect d, const char *text, unsigned allowed, struct arena *a, const char **why)
{
	struct scan s = {.d = d, .left = str_of(text), .allowed = allowed, .a = a};
	s.c = arena_new_of(a, struct clause);
	buf_init(&s.sql, CLAUSE_TEXT_MAX);
	bool good = s.c || fault(&s, "the statement is too large");
	while (good && s.left.n)
		good = step(&s);
	if (good && !s.sql.failed)
		s.c->sql = arena_strz(a, buf_str(&s.sql));
	if (good && !s.c->sql)
		good = fault(&s, "the statement is too large");
	buf_free(&s.sql);
	*why = s.why;
	return good ? s.c : NULL;
}

struct str clause_value(
    const struct clause *c, unsigned i, const struct str values[CLAUSE_VARIABLES], struct arena *a)
{
	const struct clause_piece *p = &c->piece[c->param[i].first];
	size_t n = 0;
	for (unsigned k = 0; k < c->param[i].n; k++)
		n += p[k].variable < 0 ? p[k].text.n : values[p[k].variable].n;
	char *z = arena_alloc(a, n + 1), *at = z;
	for (unsigned k = 0; z && k < c->param[i].n; k++) {
		struct str v = p[k].variable < 0 ? p[k].text : values[p[k].variable];
		if (v.n)
			memcpy(at, v.p, v.n);
		at += v.n;
	}
	if (!z)
		return STR_NONE;
	*at = 0;
	return str_at(z, n);
}
