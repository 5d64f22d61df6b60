#include "config.h"

#include "filter/filter-private.h"

#include <stdlib.h>

/* Recursive descent, one token of look-ahead. */
struct parser {
	struct lexer lx;
	struct token t;
	struct filter *f;
	unsigned depth;
	struct buf *error;
	bool failed;
};

static void fail(struct parser *p, const char *what)
{
	if (p->failed)
		return;
	p->failed = true;
	buf_addf(p->error, "%s:%u:%u: %s", p->f->name, p->t.line, p->t.column, what);
}

/* The place of the fault is told, not that of the pattern. */
static void check_pattern(struct parser *p)
{
	struct buf why;
	size_t at = 0;
	buf_init(&why, FILTER_ERROR_MAX);
	if (!pattern_check(p->t.pattern, &why, &at)) {
		p->t.column += (unsigned)at + 1;
		buf_addc(&why, 0);
		fail(p, why.p);
	}
	buf_free(&why);
}

static void advance(struct parser *p)
{
	if (p->failed)
		return;
	lexer_token(&p->lx, &p->t);
	if (p->t.kind == T_ERROR)
		fail(p, p->t.wrong);
	if (p->t.kind == T_PATTERN) {
		p->t.pattern->next = p->f->patterns;
		p->f->patterns = p->t.pattern;
		check_pattern(p);
	}
}

static bool at(const struct parser *p, enum token_kind k)
{
	return !p->failed && p->t.kind == k;
}

static bool at_word(const struct parser *p, enum word w)
{
	return at(p, T_WORD) && p->t.word == w;
}

static void expect(struct parser *p, enum token_kind k, const char *what)
{
	if (at(p, k))
		advance(p);
	else
		fail(p, what);
}

static void skip_separators(struct parser *p)
{
	while (at(p, T_SEPARATOR))
		advance(p);
}

static bool deeper(struct parser *p)
{
	if (++p->depth <= FILTER_NESTING_MAX)
		return true;
	fail(p, "nested too deep");
	return false;
}

static struct node *node(struct parser *p, enum node_kind kind)
{
	static struct node spare; /* after a failure nobody looks at it */
	struct node *n = arena_new_of(p->f->a, struct node);
	if (!n) {
		fail(p, "the filter is too large");
		spare = (struct node){0};
		return &spare;
	}
	n->kind = kind;
	n->line = p->t.line;
	n->column = p->t.column;
	return n;
}

static struct node *expression(struct parser *p);
static struct node *unary(struct parser *p);

static struct node *call(struct parser *p)
{
	static const struct {
		enum word w;
		unsigned least, most;
	} arguments[] = {{W_SUBSTR, 2, 3}, {W_TIME, 0, 0}, {W_LOOKUP, 2, 3}, {W_GDBMOPEN, 1, 2},
	    {W_GDBMFETCH, 1, 3}, {W_GDBMSTORE, 2, 2}, {W_GDBMCLOSE, 0, 0}};
	unsigned least = 1, most = 1, n = 0;
	struct node *c = node(p, NODE_CALL), **tail = &c->a;
	c->call = p->t.word;
	for (size_t i = 0; i < ARRAY_LEN(arguments); i++) {
		if (arguments[i].w != c->call)
			continue;
		least = arguments[i].least;
		most = arguments[i].most;
	}
	advance(p);
	if (!at(p, T_OPEN)) {
		if (least == 1)
			c->a = unary(p);
		else if (least)
			fail(p, "this function wants arguments in parentheses");
		return c;
	}
	advance(p);
	while (!p->failed && !at(p, T_CLOSE)) {
		*tail = expression(p);
		tail = &(*tail)->next;
		n++;
		if (!at(p, T_COMMA))
			break;
		advance(p);
	}
	if (n < least || n > most)
		fail(p, "wrong number of arguments");
	expect(p, T_CLOSE, "a closing parenthesis is missing");
	return c;
}

/* Texts side by side are one. */
static struct node *texts(struct parser *p)
{
	struct node *all = NULL;
	while (at(p, T_TEXT) || at(p, T_COMMAND)) {
		struct node *n = node(p, at(p, T_TEXT) ? NODE_TEXT : NODE_COMMAND);
		n->text = p->t.text;
		advance(p);
		if (all) {
			struct node *both = node(p, NODE_JOIN);
			both->a = all;
			both->b = n;
			all = both;
		} else {
			all = n;
		}
	}
	return all;
}

static struct node *assignment(struct parser *p, struct node *name)
{
	if (!at(p, T_ASSIGN))
		return name;
	if (name->kind != NODE_TEXT && name->kind != NODE_JOIN)
		fail(p, "only a variable can get a value");
	struct node *n = node(p, NODE_ASSIGN);
	n->a = name;
	advance(p);
	n->b = expression(p);
	return n;
}

static struct node *primary(struct parser *p)
{
	struct node *n;
	if (at(p, T_TEXT) || at(p, T_COMMAND))
		return assignment(p, texts(p));
	if (at(p, T_PATTERN)) {
		n = node(p, NODE_PATTERN);
		n->pattern = p->t.pattern;
		advance(p);
		return n;
	}
	if (at(p, T_OPEN)) {
		advance(p);
		n = expression(p);
		expect(p, T_CLOSE, "a closing parenthesis is missing");
		return n;
	}
	if (at(p, T_WORD) && p->t.word >= W_ESCAPE)
		return call(p);
	fail(p, "a value is missing here");
	return node(p, NODE_TEXT);
}

static struct node *unary(struct parser *p)
{
	struct node *n;
	if (!deeper(p))
		return node(p, NODE_TEXT);
	if (at(p, T_OP) && (p->t.op == OP_NOT || p->t.op == OP_COMPLEMENT)) {
		n = node(p, NODE_OP);
		n->op = p->t.op;
		advance(p);
		n->a = unary(p);
	} else {
		n = primary(p);
	}
	p->depth--;
	return n;
}

static struct node *match(struct parser *p)
{
	struct node *n = unary(p);
	if (!at(p, T_OP) || p->t.op != OP_MATCH)
		return n;
	struct node *m = node(p, NODE_OP);
	m->op = OP_MATCH;
	m->a = n;
	advance(p);
	if (!at(p, T_PATTERN))
		fail(p, "=~ wants a pattern on its right");
	m->pattern = p->t.pattern;
	advance(p);
	return m;
}

/* From low to high; comparisons do not associate. */
static const struct {
	enum operator from, to;
	bool once;
} levels[] = {{OP_OR, OP_OR, false}, {OP_AND, OP_AND, false}, {OP_LT, OP_SNE, true},
    {OP_BITOR, OP_BITOR, false}, {OP_BITAND, OP_BITAND, false}, {OP_ADD, OP_SUB, false},
    {OP_MUL, OP_DIV, false}};

static struct node *binary(struct parser *p, size_t level)
{
	if (level == ARRAY_LEN(levels))
		return match(p);
	struct node *left = binary(p, level + 1);
	while (at(p, T_OP) && p->t.op >= levels[level].from && p->t.op <= levels[level].to) {
		struct node *n = node(p, NODE_OP);
		n->op = p->t.op;
		n->a = left;
		advance(p);
		n->b = binary(p, level + 1);
		left = n;
		if (levels[level].once)
			break;
	}
	return left;
}

static struct node *expression(struct parser *p)
{
	if (!deeper(p))
		return node(p, NODE_TEXT);
	struct node *n = binary(p, 0);
	p->depth--;
	return n;
}

static struct statement *statement(struct parser *p);

static struct statement *list(struct parser *p, bool block)
{
	struct statement *first = NULL, **tail = &first;
	for (;;) {
		skip_separators(p);
		if (p->failed || at(p, T_END) || (block && at(p, T_BLOCK_END)))
			return first;
		*tail = statement(p);
		if (*tail)
			tail = &(*tail)->next;
	}
}

static void end_of_statement(struct parser *p)
{
	if (!at(p, T_SEPARATOR) && !at(p, T_END))
		fail(p, "the end of the line or \";\" is missing here");
}

static struct statement *block(struct parser *p)
{
	expect(p, T_BLOCK, "\"{\" is missing here");
	struct statement *s = list(p, true);
	expect(p, T_BLOCK_END, "\"}\" is missing here");
	end_of_statement(p);
	return s;
}

static struct statement *block_or_one(struct parser *p)
{
	skip_separators(p);
	if (at(p, T_BLOCK))
		return block(p);
	return statement(p);
}

static void condition(struct parser *p, struct statement *s)
{
	advance(p);
	expect(p, T_OPEN, "a condition stands in parentheses");
	s->expr = expression(p);
	expect(p, T_CLOSE, "a closing parenthesis is missing");
}

static void if_rest(struct parser *p, struct statement *s)
{
	condition(p, s);
	if (!at(p, T_SEPARATOR))
		fail(p, "the line ends behind a condition");
	s->body = block_or_one(p);
	/* An else may follow on a later line; if not, the separators change nothing. */
	skip_separators(p);
	if (at_word(p, W_ELSIF)) {
		s->other = arena_new_of(p->f->a, struct statement);
		if (!s->other || !deeper(p))
			return fail(p, "the filter is too large");
		s->other->what = W_IF;
		s->other->line = p->t.line;
		s->other->column = p->t.column;
		if_rest(p, s->other);
		p->depth--;
	} else if (at_word(p, W_ELSE)) {
		advance(p);
		if (!at(p, T_SEPARATOR))
			fail(p, "the line ends behind else");
		s->other = block_or_one(p);
	}
}

static void foreach_rest(struct parser *p, struct statement *s)
{
	advance(p);
	s->expr = match(p);
	bool message = s->expr->kind == NODE_PATTERN;
	if (!message && (s->expr->kind != NODE_OP || s->expr->op != OP_MATCH))
		fail(p, "foreach wants a pattern");
	else if (s->expr->pattern && s->expr->pattern->weighted)
		fail(p, "foreach knows no weights");
	skip_separators(p);
	s->body = block(p);
}

static void simple(struct parser *p, struct statement *s)
{
	advance(p);
	if (s->what != W_EXIT && s->what != W_EXCEPTION)
		s->expr = expression(p);
	if (s->what == W_DOTLOCK || s->what == W_FLOCK || s->what == W_EXCEPTION) {
		skip_separators(p);
		s->body = block(p);
	} else {
		end_of_statement(p);
	}
}

static struct statement *statement(struct parser *p)
{
	struct statement *s = arena_new_of(p->f->a, struct statement);
	if (!s || !deeper(p)) {
		fail(p, "the filter is too large");
		return NULL;
	}
	s->line = p->t.line;
	s->column = p->t.column;
	if (at(p, T_WORD) && p->t.word < W_ESCAPE)
		s->what = p->t.word;
	switch (s->what) {
	case W_NONE:
		if (at(p, T_BLOCK)) { /* statements in braces alone are one statement */
			s->body = block(p);
			break;
		}
		s->expr = expression(p);
		end_of_statement(p);
		break;
	case W_IF:
		if_rest(p, s);
		break;
	case W_WHILE:
		condition(p, s);
		s->body = block_or_one(p);
		break;
	case W_FOREACH:
		foreach_rest(p, s);
		break;
	case W_ELSE:
	case W_ELSIF:
		fail(p, "there is no if for this");
		break;
	default:
		simple(p, s);
	}
	p->depth--;
	return s;
}

struct filter *filter_parse(const char *name, struct str text, struct buf *error)
{
	struct filter *f = mem_new(struct filter);
	f->name = mem_strdup(name);
	f->a = arena_new((size_t)64 * FILTER_FILE_MAX);
	struct parser p = {.lx = {.in = text, .line = 1, .a = f->a}, .f = f, .error = error};
	if (!f->a || text.n > FILTER_FILE_MAX)
		fail(&p, "the filter is too large");
	advance(&p);
	f->first = list(&p, false);
	if (!p.failed)
		return f;
	filter_free(f);
	return NULL;
}

void filter_free(struct filter *f)
{
	if (!f)
		return;
	for (struct pattern *p = f->patterns; p; p = p->next)
		pattern_free(p);
	arena_free(f->a);
	free(f->name);
	free(f);
}
