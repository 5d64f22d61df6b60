#include "config.h"

#include "filter/filter-private.h"

#include <stdlib.h>

static const struct {
	const char *name;
	enum word word;
	enum operator op;
} words[] = {
    {"if", W_IF, 0},
    {"elsif", W_ELSIF, 0},
    {"else", W_ELSE, 0},
    {"while", W_WHILE, 0},
    {"foreach", W_FOREACH, 0},
    {"to", W_TO, 0},
    {"cc", W_CC, 0},
    {"xfilter", W_XFILTER, 0},
    {"system", W_SYSTEM, 0},
    {"dotlock", W_DOTLOCK, 0},
    {"flock", W_FLOCK, 0},
    {"exception", W_EXCEPTION, 0},
    {"exit", W_EXIT, 0},
    {"echo", W_ECHO, 0},
    {"log", W_LOG, 0},
    {"logfile", W_LOGFILE, 0},
    {"import", W_IMPORT, 0},
    {"include", W_INCLUDE, 0},
    {"unset", W_UNSET, 0},
    {"escape", W_ESCAPE, 0},
    {"getaddr", W_GETADDR, 0},
    {"hasaddr", W_HASADDR, 0},
    {"length", W_LENGTH, 0},
    {"substr", W_SUBSTR, 0},
    {"tolower", W_TOLOWER, 0},
    {"toupper", W_TOUPPER, 0},
    {"time", W_TIME, 0},
    {"lookup", W_LOOKUP, 0},
    {"gdbmopen", W_GDBMOPEN, 0},
    {"gdbmfetch", W_GDBMFETCH, 0},
    {"gdbmstore", W_GDBMSTORE, 0},
    {"gdbmclose", W_GDBMCLOSE, 0},
    {"lt", W_NONE, OP_SLT},
    {"le", W_NONE, OP_SLE},
    {"gt", W_NONE, OP_SGT},
    {"ge", W_NONE, OP_SGE},
    {"eq", W_NONE, OP_SEQ},
    {"ne", W_NONE, OP_SNE},
};

static const struct {
	const char *text;
	enum token_kind kind;
	enum operator op;
} marks[] = {
    /* longer ones first */
    {"||", T_OP, OP_OR},
    {"&&", T_OP, OP_AND},
    {"<=", T_OP, OP_LE},
    {">=", T_OP, OP_GE},
    {"==", T_OP, OP_EQ},
    {"!=", T_OP, OP_NE},
    {"=~", T_OP, OP_MATCH},
    {"<", T_OP, OP_LT},
    {">", T_OP, OP_GT},
    {"|", T_OP, OP_BITOR},
    {"&", T_OP, OP_BITAND},
    {"+", T_OP, OP_ADD},
    {"*", T_OP, OP_MUL},
    {"!", T_OP, OP_NOT},
    {"~", T_OP, OP_COMPLEMENT},
    {"=", T_ASSIGN, 0},
    {"(", T_OPEN, 0},
    {")", T_CLOSE, 0},
    {"{", T_BLOCK, 0},
    {"}", T_BLOCK_END, 0},
    {",", T_COMMA, 0},
    {";", T_SEPARATOR, 0},
};

static int peek(const struct lexer *lx, size_t ahead)
{
	return lx->at + ahead < lx->in.n ? (unsigned char)lx->in.p[lx->at + ahead] : -1;
}

static void new_line(struct lexer *lx) /* behind a line end */
{
	lx->line++;
	lx->line_start = lx->at;
}

static void wrong(struct token *t, const char *what)
{
	t->kind = T_ERROR;
	t->wrong = what;
}

static bool name_first(int c)
{
	return c == '_' || (c >= 0 && ascii_alpha((unsigned char)c));
}

static bool name_more(int c)
{
	return name_first(c) || (c >= '0' && c <= '9');
}

static void add_segment(struct lexer *lx, struct segment ***tail, struct str s, bool variable)
{
	struct segment *g = arena_new_of(lx->a, struct segment);
	if (!g || (!variable && !s.n))
		return;
	g->s = arena_str(lx->a, s);
	g->variable = variable;
	**tail = g;
	*tail = &g->next;
}

/* At "$": cuts a variable's name; empty when it is only a dollar sign. */
static struct str variable_name(struct str s, size_t *used)
{
	*used = 0;
	if (s.n > 1 && s.p[1] == '{') {
		ptrdiff_t end = str_chr(s, '}');
		if (end < 0)
			return STR_NONE;
		*used = (size_t)end + 1;
		return str_at(s.p + 2, (size_t)end - 2);
	}
	size_t n = 1;
	if (s.n > 1 && ascii_digit((unsigned char)s.p[1]))
		while (n < s.n && ascii_digit((unsigned char)s.p[n]))
			n++;
	else if (s.n > 1 && name_first((unsigned char)s.p[1]))
		while (n < s.n && name_more((unsigned char)s.p[n]))
			n++;
	if (n == 1)
		return STR_NONE;
	*used = n;
	return str_at(s.p + 1, n - 1);
}

/*
 * Text with variables.  escapes: `\$` is a dollar sign (bare words and quoted text); in patterns
 * the backslash stays, since it means the same to PCRE2.
 */
static struct segment *substitute(struct lexer *lx, struct str s, bool pattern)
{
	struct segment *first = NULL, **tail = &first;
	struct buf lit;
	buf_init(&lit, FILTER_FILE_MAX + 1);
	for (size_t i = 0; i < s.n;) {
		size_t used = 0;
		if (s.p[i] == '\\' && i + 1 < s.n &&
		    (pattern || s.p[i + 1] == '$' || s.p[i + 1] == '\\')) {
			if (pattern)
				buf_addc(&lit, '\\');
			buf_addc(&lit, s.p[i + 1]);
			i += 2;
			continue;
		}
		struct str name = s.p[i] == '$' ? variable_name(str_skip(s, i), &used) : STR_NONE;
		if (!used) {
			buf_addc(&lit, s.p[i++]);
			continue;
		}
		add_segment(lx, &tail, buf_str(&lit), false);
		buf_clear(&lit);
		add_segment(lx, &tail, name, true);
		i += used;
	}
	add_segment(lx, &tail, buf_str(&lit), false);
	buf_free(&lit);
	return first;
}

/* After a backslash and its line end: blanks in front of the next line do not count. */
static void join_line(struct lexer *lx)
{
	new_line(lx);
	while (peek(lx, 0) == ' ' || peek(lx, 0) == '\t')
		lx->at++;
}

/* The text between quotes, its quote taken off; what other backslashes mean is not known yet. */
static bool quoted(struct lexer *lx, char quote, struct buf *out)
{
	int c;
	for (lx->at++; (c = peek(lx, 0)) >= 0 && c != '\n'; lx->at++) {
		if (c == quote) {
			lx->at++;
			return true;
		}
		if (c == '\\' &&
		    (peek(lx, 1) == '\n' || (peek(lx, 1) == '\r' && peek(lx, 2) == '\n'))) {
			lx->at += peek(lx, 1) == '\n' ? 2 : 3;
			join_line(lx);
			lx->at--;
			continue;
		}
		if (c == '\\' && peek(lx, 1) == quote) {
			lx->at++;
			buf_addc(out, quote);
			continue;
		}
		if (c == '\\' && peek(lx, 1) == '\\') {
			lx->at++;
			buf_addz(out, quote == '"' ? "\\\\" : quote == '`' ? "\\\\" : "\\");
			continue;
		}
		buf_addc(out, (char)c);
	}
	return false;
}

static void take_quoted(struct lexer *lx, char quote, struct token *t)
{
	struct buf b;
	buf_init(&b, FILTER_FILE_MAX + 1);
	t->kind = quote == '`' ? T_COMMAND : T_TEXT;
	if (!quoted(lx, quote, &b)) {
		wrong(t, "a quoted text does not end on its line");
	} else if (quote == '"') {
		t->text = substitute(lx, buf_str(&b), false);
	} else {
		struct segment **tail = &t->text;
		add_segment(lx, &tail, buf_str(&b), false);
	}
	buf_free(&b);
}

static bool number_at(struct lexer *lx, double *out)
{
	char text[40];
	size_t n = 0;
	int c;
	while (n + 1 < sizeof text && (c = peek(lx, n)) >= 0 &&
	       (ascii_digit((unsigned char)c) || c == '.' || ((c == '-' || c == '+') && n == 0)))
		text[n++] = (char)c;
	text[n] = 0;
	char *end;
	*out = strtod(text, &end);
	lx->at += n;
	return n && !*end;
}

static void pattern_options(struct lexer *lx, struct token *t)
{
	struct pattern *p = t->pattern;
	int c;
	for (lx->at++; (c = peek(lx, 0)) >= 0 && ascii_alpha((unsigned char)c); lx->at++) {
		p->header = p->header || c == 'h';
		p->top_header = p->top_header || c == 'H';
		p->body = p->body || c == 'b';
		p->sensitive = p->sensitive || c == 'D';
		if (!strchr("hHbD", c))
			return wrong(t, "unknown option of a pattern");
	}
	if (c != ',')
		return;
	p->weighted = true;
	lx->at++;
	if (!number_at(lx, &p->x))
		return wrong(t, "a weight of a pattern is a number");
	if (peek(lx, 0) == ',' && (lx->at++, !number_at(lx, &p->y)))
		wrong(t, "a weight of a pattern is a number");
}

static void take_pattern(struct lexer *lx, struct token *t)
{
	size_t from = ++lx->at;
	int c;
	while ((c = peek(lx, 0)) >= 0 && c != '\n' && c != '/')
		lx->at += c == '\\' && peek(lx, 1) >= 0 && peek(lx, 1) != '\n' ? 2 : 1;
	if (c != '/')
		return wrong(t, "a pattern does not end on its line");
	struct pattern *p = arena_new_of(lx->a, struct pattern);
	t->kind = T_PATTERN;
	t->pattern = p;
	if (!p)
		return wrong(t, "the filter is too large");
	p->text = substitute(lx, str_at(lx->in.p + from, lx->at - from), true);
	p->x = p->y = 1;
	lx->at++;
	if (peek(lx, 0) == ':')
		pattern_options(lx, t);
	if (!p->header && !p->top_header && !p->body)
		p->header = true;
}

static bool word_char(int c)
{
	return c >= 0 && (ascii_alnum((unsigned char)c) || strchr("_-.:/${}@", c)) && c != 0;
}

static void take_word(struct lexer *lx, struct token *t)
{
	size_t from = lx->at;
	while (word_char(peek(lx, 0))) {
		/* a brace that closes nothing is the block's */
		if (peek(lx, 0) == '$' && peek(lx, 1) == '{') {
			while (peek(lx, 0) >= 0 && peek(lx, 0) != '}' && peek(lx, 0) != '\n')
				lx->at++;
			if (peek(lx, 0) != '}')
				return wrong(t, "a variable's name does not end on its line");
		}
		lx->at++;
	}
	struct str w = str_at(lx->in.p + from, lx->at - from);
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!str_is(w, words[i].name))
			continue;
		t->kind = words[i].op ? T_OP : T_WORD;
		t->op = words[i].op;
		t->word = words[i].word;
		return;
	}
	t->kind = T_TEXT;
	t->text = substitute(lx, w, false);
}

static bool blank_or_end(int c)
{
	return c < 0 || c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';';
}

/* False: nothing was there to skip. */
static bool skip_blank(struct lexer *lx)
{
	int c = peek(lx, 0);
	if (c == '\\' && (peek(lx, 1) == '\n' || (peek(lx, 1) == '\r' && peek(lx, 2) == '\n'))) {
		lx->at += peek(lx, 1) == '\n' ? 2 : 3;
		new_line(lx);
	} else if (c == ' ' || c == '\t' || c == '\r') {
		lx->at++;
	} else if (c == '#') {
		while (peek(lx, 0) >= 0 && peek(lx, 0) != '\n')
			lx->at++;
	} else {
		return false;
	}
	lx->after_assign = false;
	return true;
}

static void take_mark(struct lexer *lx, struct token *t)
{
	struct str rest = str_skip(lx->in, lx->at);
	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		if (!str_starts(rest, str_of(marks[i].text)))
			continue;
		lx->at += strlen(marks[i].text);
		t->kind = marks[i].kind;
		t->op = marks[i].op;
		lx->after_assign = t->kind == T_ASSIGN;
		return;
	}
	wrong(t, "a character that means nothing here");
}

void lexer_token(struct lexer *lx, struct token *t)
{
	while (skip_blank(lx))
		;
	bool after_assign = lx->after_assign;
	int c = peek(lx, 0), next = peek(lx, 1);
	*t = (struct token){.line = lx->line, .column = (unsigned)(lx->at - lx->line_start) + 1};
	lx->after_assign = false;
	if (c < 0) {
		t->kind = T_END;
	} else if (c == '\n') {
		t->kind = T_SEPARATOR;
		lx->at++;
		new_line(lx);
	} else if (c == '"' || c == '\'' || c == '`') {
		take_quoted(lx, (char)c, t);
	} else if (c == '/' && !after_assign && !blank_or_end(next)) {
		take_pattern(lx, t);
	} else if ((c == '/' || c == '-') && blank_or_end(next)) {
		lx->at++;
		t->kind = T_OP;
		t->op = c == '/' ? OP_DIV : OP_SUB;
	} else if (c != '{' && c != '}' && word_char(c)) {
		take_word(lx, t);
	} else {
		take_mark(lx, t);
	}
}
