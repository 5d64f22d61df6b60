/* Bodies of Content-Type, Content-Disposition and Content-Transfer-Encoding (RFC 2045, 5.1). */
#include "config.h"

#include "mime/mime-private.h"

struct cursor {
	struct arena *arena;
	struct str s;
	size_t at;
	bool bad;    /* something that readers may understand in different ways */
	bool sloppy; /* something that is wrong, but clear */
	bool full;   /* the arena is */
};

static int peek(const struct cursor *c)
{
	return c->at < c->s.n ? (unsigned char)c->s.p[c->at] : -1;
}

static bool blank(int c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool token_char(int c)
{
	return c > 32 && c < 127 && !strchr("()<>@,;:\\\"/[]?=", c);
}

static void skip_comment(struct cursor *c)
{
	bool whole;
	c->at = comment_end(c->s, c->at, &whole);
	c->bad |= !whole;
}

static void skip_blank(struct cursor *c)
{
	while (peek(c) >= 0) {
		if (peek(c) == '(')
			skip_comment(c);
		else if (blank(peek(c)))
			c->at++;
		else
			break;
	}
}

static bool eat(struct cursor *c, char what)
{
	skip_blank(c);
	if (peek(c) != what)
		return false;
	c->at++;
	return true;
}

struct str mime_lower(struct arena *a, struct str s)
{
	char *p = arena_strz(a, s);
	for (size_t i = 0; p && i < s.n; i++)
		p[i] = (char)ascii_lower((unsigned char)p[i]);
	return p ? str_at(p, s.n) : STR_NONE;
}

static struct str token(struct cursor *c)
{
	skip_blank(c);
	size_t from = c->at;
	while (token_char(peek(c)))
		c->at++;
	struct str s = mime_lower(c->arena, str_at(c->s.p + from, c->at - from));
	c->full = c->full || !s.p;
	return s;
}

/* Index of the closing quote, or the end. */
static size_t quoted_end(const struct cursor *c)
{
	size_t i = c->at + 1;
	while (i < c->s.n && c->s.p[i] != '"')
		i += c->s.p[i] == '\\' && i + 1 < c->s.n ? 2 : 1;
	return i;
}

static struct str quoted(struct cursor *c)
{
	size_t end = quoted_end(c), n = 0;
	char *p = arena_alloc(c->arena, end - c->at + 1);
	c->full = c->full || !p;
	c->bad = c->bad || end >= c->s.n;
	for (size_t i = c->at + 1; p && i < end; i++) {
		if (c->s.p[i] == '\\' && i + 1 < end)
			i++;
		char ch = c->s.p[i];
		c->bad = c->bad || ch == 0;
		if (ch != '\r' && ch != '\n')
			p[n++] = ch;
	}
	c->at = end < c->s.n ? end + 1 : c->s.n;
	return p ? str_at(p, n) : STR_NONE;
}

/* Without quotes the grammar wants a token; characters beyond it ("=" in boundaries, "/" in names)
 * are common and can't be misunderstood, so they are taken up to the next blank or semicolon. */
static struct str value(struct cursor *c)
{
	skip_blank(c);
	if (peek(c) == '"')
		return quoted(c);
	size_t from = c->at;
	while (peek(c) >= 0 && peek(c) != ';' && !blank(peek(c))) {
		c->bad = c->bad || peek(c) == '"' || peek(c) < 32;
		c->at++;
	}
	c->sloppy = c->sloppy || c->at == from;
	struct str s = arena_str(c->arena, str_at(c->s.p + from, c->at - from));
	c->full = c->full || !s.p;
	return s;
}

/* Whatever stands before the next semicolon does not belong there. */
static void to_semicolon(struct cursor *c)
{
	skip_blank(c);
	while (peek(c) >= 0 && peek(c) != ';') {
		c->sloppy = true;
		c->at++;
	}
}

static void add_param(struct cursor *c, struct mime_param ***tail, struct str name, struct str v)
{
	struct mime_param *p = arena_new_of(c->arena, struct mime_param);
	if (!p) {
		c->full = true;
		return;
	}
	p->name = name;
	p->value = v;
	**tail = p;
	*tail = &p->next;
}

/* Two readers of one message must not see different values: a second one of the same name is
 * dropped, and it is a fault. */
static struct mime_param *read_params(struct cursor *c, unsigned max, unsigned *faults)
{
	struct mime_param *first = NULL, **tail = &first;
	unsigned n = 0;
	for (to_semicolon(c); eat(c, ';') && !c->full; to_semicolon(c)) {
		skip_blank(c);
		if (peek(c) < 0 || peek(c) == ';')
			continue; /* an empty one, often at the end */
		if (n++ == max) {
			*faults |= MIME_FAULT_PARAMS;
			break;
		}
		struct str name = token(c);
		if (name.n == 0 || !eat(c, '=')) {
			c->sloppy = true;
			continue;
		}
		struct str v = value(c);
		bool again = false;
		for (const struct mime_param *p = first; p && !again; p = p->next)
			again = str_eq(p->name, name);
		c->bad = c->bad || again;
		if (!again && !c->full)
			add_param(c, &tail, name, v);
	}
	return first;
}

static bool done(const struct cursor *c, bool ok, unsigned fault, unsigned mine, unsigned *faults)
{
	if ((c->bad || !ok) && !c->full)
		mine |= fault;
	if (c->sloppy)
		mine |= MIME_FAULT_BAD_PARAM;
	if (faults)
		*faults |= mine;
	return ok && !c->full;
}

bool mime_type_parse(
    struct arena *a, struct str body, unsigned max_params, struct mime_type *out, unsigned *faults)
{
	struct cursor c = {.arena = a, .s = body};
	unsigned mine = 0;
	*out = (struct mime_type){0};
	out->type = token(&c);
	bool ok = out->type.n && eat(&c, '/');
	if (ok) {
		out->subtype = token(&c);
		ok = out->subtype.n > 0;
	}
	if (ok)
		out->params = read_params(&c, max_params, &mine);
	return done(&c, ok, MIME_FAULT_BAD_TYPE, mine, faults);
}

bool mime_disposition_parse(
    struct arena *a, struct str body, unsigned max_params, struct mime_type *out, unsigned *faults)
{
	struct cursor c = {.arena = a, .s = body};
	unsigned mine = 0;
	*out = (struct mime_type){0};
	out->type = token(&c);
	bool ok = out->type.n > 0;
	if (ok)
		out->params = read_params(&c, max_params, &mine);
	return done(&c, ok, MIME_FAULT_BAD_DISPOSITION, mine, faults);
}

enum mime_cte mime_cte_parse(struct str body)
{
	static const struct {
		const char *name;
		enum mime_cte cte;
	} known[] = {
	    {"7bit", MIME_7BIT},
	    {"8bit", MIME_8BIT},
	    {"binary", MIME_BINARY},
	    {"quoted-printable", MIME_QP},
	    {"base64", MIME_BASE64},
	};
	struct cursor c = {.s = body};
	skip_blank(&c);
	size_t from = c.at;
	while (token_char(peek(&c)))
		c.at++;
	struct str word = str_at(body.p + from, c.at - from);
	skip_blank(&c);
	if (peek(&c) == ';') /* seen at the end */
		c.at++;
	skip_blank(&c);
	for (size_t i = 0; c.at >= body.n && i < ARRAY_LEN(known); i++)
		if (str_iis(word, known[i].name))
			return known[i].cte;
	return MIME_UNKNOWN;
}
