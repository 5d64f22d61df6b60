#include "config.h"

#include "filter/filter-private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Values are texts in the statement's arena. */

bool filter_true(struct str v)
{
	v = str_trim(v);
	return v.n && !str_is(v, "0");
}

/* The number at the start of a text; 0 where there is none. */
double filter_double(struct str v)
{
	char text[64];
	v = str_head(str_trim(v), sizeof text - 1);
	if (v.n)
		memcpy(text, v.p, v.n);
	text[v.n] = 0;
	/* No "inf", no "0x": what a filter writes are decimal numbers. */
	size_t sign = v.n && (text[0] == '-' || text[0] == '+');
	if (!ascii_digit((unsigned char)text[sign]) && text[sign] != '.')
		return 0;
	if (text[sign] == '0' && (text[sign + 1] == 'x' || text[sign + 1] == 'X'))
		return 0;
	return strtod(text, NULL);
}

struct str filter_from_double(struct filter_run *r, double d)
{
	if (d == 0 || d == 1) /* what patterns come to */
		return d == 0 ? STR("0") : STR("1");
	char *z = arena_printf(r->a, "%.22g", d + 0.0);
	return z ? str_of(z) : STR("0");
}

static int32_t bits(struct str v)
{
	double d = filter_double(v);
	if (!(d > -9.2e18 && d < 9.2e18))
		return 0;
	return (int32_t)(uint32_t)(uint64_t)(int64_t)d;
}

struct str filter_keep(struct filter_run *r, struct buf *b)
{
	struct str s = b->failed ? STR_NONE : arena_str(r->a, buf_str(b));
	if (!s.p)
		filter_fail(r, "a value is too large");
	buf_free(b);
	return s;
}

struct str filter_expand(struct filter_run *r, const struct segment *s)
{
	struct buf b;
	if (s && !s->next && !s->variable)
		return s->s;
	buf_init(&b, FILTER_VALUE_MAX);
	for (; s; s = s->next)
		buf_adds(&b, s->variable ? filter_get_str(r, s->s) : s->s);
	return filter_keep(r, &b);
}

static bool command(struct filter_run *r, struct node *n, struct str *out)
{
	struct buf b;
	int status = 0;
	char text[20];
	struct str line = filter_expand(r, n->text);
	if (!r->host->program || (r->embedded && !r->trusted))
		return filter_fail(r, "commands in backquotes are not allowed here") == 0;
	buf_init(&b, FILTER_VALUE_MAX);
	if (r->host->program(r, FILTER_BACKTICK, line, &b, &status) < 0) {
		buf_free(&b);
		return false;
	}
	for (size_t i = 0; i < b.n; i++)
		if (b.p[i] == '\n')
			b.p[i] = ' ';
	*out = filter_keep(r, &b);
	if (!out->p)
		return false;
	*out = str_trim(*out);
	filter_say(r, 3, "`%.*s` gives \"%.*s\"", STR_FMT(line), STR_FMT(*out));
	snprintf(text, sizeof text, "%d", status);
	return filter_set(r, STR("RETURNCODE"), str_of(text));
}

static bool join(struct filter_run *r, struct node *n, struct str *out)
{
	struct str a, b;
	struct buf both;
	if (!filter_eval(r, n->a, &a) || !filter_eval(r, n->b, &b))
		return false;
	buf_init(&both, FILTER_VALUE_MAX);
	buf_adds(&both, a);
	buf_adds(&both, b);
	*out = filter_keep(r, &both);
	return out->p != NULL;
}

static bool assign(struct filter_run *r, struct node *n, struct str *out)
{
	struct str name;
	if (!filter_eval(r, n->a, &name) || !filter_eval(r, n->b, out))
		return false;
	filter_at(r, n->line, n->column);
	if (!name.n)
		return filter_fail(r, "a variable without name") == 0;
	filter_say(r, 3, "%.*s=\"%.*s\"", STR_FMT(name), STR_FMT(*out));
	return filter_set(r, name, *out) || filter_fail(r, "too much text in variables") == 0;
}

static int compare_text(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;
	return c ? c : (a.n > b.n) - (a.n < b.n);
}

static bool compare(enum operator op, struct str a, struct str b)
{
	double x = filter_double(a), y = filter_double(b);
	int c = compare_text(a, b);
	switch (op) {
	case OP_LT:
		return x < y;
	case OP_LE:
		return x <= y;
	case OP_GT:
		return x > y;
	case OP_GE:
		return x >= y;
	case OP_EQ:
		return x == y;
	case OP_NE:
		return x != y;
	case OP_SLT:
		return c < 0;
	case OP_SLE:
		return c <= 0;
	case OP_SGT:
		return c > 0;
	case OP_SGE:
		return c >= 0;
	case OP_SEQ:
		return c == 0;
	default:
		return c != 0;
	}
}

static double arithmetic(enum operator op, struct str a, struct str b)
{
	double x = filter_double(a), y = filter_double(b);
	switch (op) {
	case OP_BITOR:
		return bits(a) | bits(b);
	case OP_BITAND:
		return bits(a) & bits(b);
	case OP_ADD:
		return x + y;
	case OP_SUB:
		return x - y;
	case OP_MUL:
		return x * y;
	default:
		return y == 0 ? (x == 0 ? NAN : x > 0 ? INFINITY : -INFINITY) : x / y;
	}
}

static bool operate(struct filter_run *r, struct node *n, struct str *out)
{
	struct str a, b;
	double score;
	if (!filter_eval(r, n->a, &a))
		return false;
	switch (n->op) {
	case OP_OR:
	case OP_AND:
		*out = a;
		return filter_true(a) == (n->op == OP_OR) || filter_eval(r, n->b, out);
	case OP_NOT:
		*out = filter_true(a) ? STR("0") : STR("1");
		return true;
	case OP_COMPLEMENT:
		*out = filter_from_double(r, ~bits(a));
		return true;
	case OP_MATCH:
		filter_at(r, n->line, n->column);
		if (!pattern_run(r, n->pattern, &a, &score, NULL))
			return false;
		*out = filter_from_double(r, score);
		return true;
	default:
		break;
	}
	if (!filter_eval(r, n->b, &b))
		return false;
	if (n->op <= OP_SNE)
		*out = compare(n->op, a, b) ? STR("1") : STR("0");
	else
		*out = filter_from_double(r, arithmetic(n->op, a, b));
	return true;
}

void filter_at(struct filter_run *r, unsigned line, unsigned column)
{
	r->line = line;
	r->column = column;
}

bool filter_eval(struct filter_run *r, struct node *n, struct str *out)
{
	double score;
	*out = STR("");
	if (n->kind != NODE_TEXT)
		filter_at(r, n->line, n->column);
	switch (n->kind) {
	case NODE_TEXT:
		if (n->text)
			*out = filter_expand(r, n->text);
		return out->p != NULL;
	case NODE_COMMAND:
		return command(r, n, out);
	case NODE_JOIN:
		return join(r, n, out);
	case NODE_ASSIGN:
		return assign(r, n, out);
	case NODE_OP:
		return operate(r, n, out);
	case NODE_CALL:
		return filter_call(r, n, out);
	case NODE_PATTERN:
		if (!pattern_run(r, n->pattern, NULL, &score, NULL))
			return false;
		*out = filter_from_double(r, score);
		return true;
	}
	return false;
}
