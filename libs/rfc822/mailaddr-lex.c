#include "config.h"

#include "rfc822/mailaddr-private.h"

bool atom_char(unsigned char c)
{
	return c >= 0x80 || ascii_alnum(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool control(unsigned char c)
{
	return (c < 0x20 && !blank((char)c)) || c == 0x7f;
}

static bool special(char c)
{
	return c && strchr("<>:;@,.", c);
}

/* From behind the opening parenthesis to behind its closing one. */
static void skip_comment(struct lexer *lx)
{
	size_t from = ++lx->at, depth = 1;
	for (; lx->at < lx->in.n; lx->at++) {
		char c = lx->in.p[lx->at];
		if (c == '\\') {
			lx->at++;
		} else if (c == '(') {
			if (++depth > MAILADDR_COMMENT_DEPTH) {
				lx->limit = true;
				lx->at = lx->in.n;
				return;
			}
		} else if (c == ')' && --depth == 0) {
			lx->comment = str_at(lx->in.p + from, lx->at - from);
			lx->at++;
			return;
		}
	}
	lx->at = lx->in.n;
	lx->malformed = true;
	lx->comment = str_skip(lx->in, from);
}

static bool skip_gap(struct lexer *lx)
{
	size_t from = lx->at;
	while (lx->at < lx->in.n) {
		char c = lx->in.p[lx->at];
		if (c == '(') {
			skip_comment(lx);
		} else if (c == ')') {
			lx->malformed = true;
			lx->at++;
		} else if (blank(c)) {
			lx->at++;
		} else {
			break;
		}
	}
	return lx->at > from;
}

/* Quoted string or domain literal: up to `close`, backslash takes the next byte with it. */
static void take_closed(struct lexer *lx, char close)
{
	for (lx->at++; lx->at < lx->in.n; lx->at++) {
		unsigned char c = (unsigned char)lx->in.p[lx->at];
		lx->malformed = lx->malformed || control(c);
		if (close == ']' && (c == '[' || c == '\\'))
			lx->malformed = true; /* obsolete, and never meant well */
		if (c == '\\') {
			lx->at++;
		} else if (c == (unsigned char)close) {
			lx->at++;
			return;
		}
	}
	lx->at = lx->in.n;
	lx->malformed = true;
}

/* What can't stand anywhere (controls, stray backslash and bracket) is kept in the atom it is
 * part of, so that nothing is swallowed unseen. */
static void take_atom(struct lexer *lx)
{
	while (lx->at < lx->in.n) {
		char c = lx->in.p[lx->at];
		if (blank(c) || special(c) || strchr("()\"[", c ? c : 'x'))
			break;
		if (!atom_char((unsigned char)c))
			lx->malformed = true;
		lx->at++;
	}
}

void lexer_next(struct lexer *lx, struct token *t)
{
	*t = (struct token){.gap = skip_gap(lx)};
	t->raw = str_at(lx->in.p + lx->at, 0);
	if (lx->at >= lx->in.n)
		return;
	size_t from = lx->at;
	char c = lx->in.p[from];
	if (special(c)) {
		t->kind = TOKEN_SPECIAL;
		t->c = c;
		lx->at++;
	} else if (c == '"') {
		t->kind = TOKEN_QUOTED;
		take_closed(lx, '"');
	} else if (c == '[') {
		t->kind = TOKEN_LITERAL;
		take_closed(lx, ']');
	} else {
		t->kind = TOKEN_ATOM;
		take_atom(lx);
	}
	t->raw.n = lx->at - from;
}

/* Line ends and NUL can be part of no address: they are left out, as they are when it is printed.
 */
static bool unescape(struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n)
			i++;
		if (s.p[i] != '\r' && s.p[i] != '\n' && s.p[i] != 0)
			buf_addc(out, s.p[i]);
	}
	return !out->failed;
}

bool token_text(const struct token *t, struct buf *out)
{
	struct str s = t->raw;
	if (t->kind == TOKEN_LITERAL) {
		for (size_t i = 0; i < s.n; i++)
			if (!blank(s.p[i]))
				buf_addc(out, s.p[i]);
		return !out->failed;
	}
	if (t->kind != TOKEN_QUOTED)
		return buf_adds(out, s);
	s = str_skip(s, 1);
	/* the closing quote is missing in an unclosed string, or is itself escaped */
	size_t slashes = 0;
	while (s.n && slashes + 1 < s.n && s.p[s.n - 2 - slashes] == '\\')
		slashes++;
	if (str_ends(s, STR("\"")) && slashes % 2 == 0)
		s.n--;
	return unescape(s, out);
}

bool comment_text(struct str raw, struct buf *out)
{
	size_t from = out->n;
	bool gap = false;
	for (size_t i = 0; i < raw.n; i++) {
		char c = raw.p[i];
		if (blank(c)) {
			gap = true;
			continue;
		}
		if (c == '\\' && i + 1 < raw.n)
			c = raw.p[++i];
		if (gap && out->n > from)
			buf_addc(out, ' ');
		gap = false;
		if (!blank(c) && c != 0)
			buf_addc(out, c);
	}
	return !out->failed;
}
