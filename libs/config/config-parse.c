/*
 * The grammar of NAME=value files: what the original's shell fragments use, and no more.  Pure: the
 * caller's functions keep the values and read included files.
 */
#include <config.h>

#include "config/config-private.h"

enum { VALUE_MAX = 64 * 1024 };

struct parser {
	struct str in;
	size_t at;
	unsigned line;
	const char *file;
	struct config_faults *faults;
	int (*get)(void *ctx, struct str name, struct str *value);
	void *ctx;
	struct buf value;
	bool failed;
};

static void fail(struct parser *p, unsigned line, const char *what)
{
	config_fault(p->faults, p->file, line, "%s", what);
	p->failed = true;
}

static int peek(const struct parser *p)
{
	return p->at < p->in.n ? (unsigned char)p->in.p[p->at] : -1;
}

static int next(struct parser *p)
{
	int c = peek(p);
	if (c >= 0)
		p->at++;
	if (c == '\n')
		p->line++;
	return c;
}

static bool name_start(int c)
{
	return c == '_' || (c >= 0 && ascii_alpha((unsigned char)c));
}

static bool name_byte(int c)
{
	return name_start(c) || (c >= 0 && ascii_digit((unsigned char)c));
}

static struct str read_name(struct parser *p)
{
	size_t from = p->at;
	if (name_start(peek(p)))
		while (name_byte(peek(p)))
			p->at++;
	return str_at(p->in.p + from, p->at - from);
}

static void skip_line(struct parser *p)
{
	while (peek(p) >= 0 && peek(p) != '\n')
		p->at++;
}

/* After '$': NAME, {NAME}, {NAME:-text}, {NAME-text} */
static void expand(struct parser *p)
{
	bool braced = peek(p) == '{';
	unsigned line = p->line;
	if (braced)
		next(p);
	struct str name = read_name(p), value = STR_NONE, fallback = STR_NONE;
	if (name.n == 0) {
		fail(p, line,
		    "a $ that names no variable; commands are not run here (write \\$ for the sign "
		    "itself)");
		return;
	}
	bool known = p->get && p->get(p->ctx, name, &value) == 0, empty_too = false;
	if (braced) {
		if (peek(p) == ':') {
			next(p);
			empty_too = true;
		}
		if (peek(p) == '-') {
			next(p);
			size_t from = p->at;
			while (peek(p) >= 0 && peek(p) != '}' && peek(p) != '$' && peek(p) != '`')
				next(p);
			fallback = str_range(p->in.p + from, p->in.p + p->at);
		}
		if (next(p) != '}') {
			fail(p, line,
			    "unknown form of ${...}; ${NAME} and ${NAME:-text} are understood");
			return;
		}
	}
	buf_adds(&p->value, known && (value.n || !empty_too) ? value : fallback);
}

static void read_single(struct parser *p)
{
	unsigned line = p->line;
	int c;
	while ((c = next(p)) != '\'') {
		if (c < 0) {
			fail(p, line, "a ' is not closed");
			return;
		}
		buf_addc(&p->value, (char)c);
	}
}

static void read_double(struct parser *p)
{
	unsigned line = p->line;
	int c;
	while ((c = next(p)) != '"' && !p->failed) {
		if (c < 0) {
			fail(p, line, "a \" is not closed");
		} else if (c == '\\') {
			int e = next(p);
			if (e == '\n')
				continue;
			if (e != '"' && e != '\\' && e != '$' && e != '`')
				buf_addc(&p->value, '\\');
			if (e >= 0)
				buf_addc(&p->value, (char)e);
		} else if (c == '$') {
			expand(p);
		} else if (c == '`') {
			fail(p, p->line, "commands in backquotes are not run here");
		} else {
			buf_addc(&p->value, (char)c);
		}
	}
}

static bool ends_word(int c)
{
	return c < 0 || c == '\n' || c == ' ' || c == '\t' || c == '\r' || c == ';';
}

/* One shell word: quoted and bare pieces side by side. */
static void read_word(struct parser *p)
{
	while (!p->failed && !ends_word(peek(p))) {
		int c = next(p);
		if (c == '\'')
			read_single(p);
		else if (c == '"')
			read_double(p);
		else if (c == '$')
			expand(p);
		else if (c == '\\') {
			c = next(p);
			if (c >= 0 && c != '\n')
				buf_addc(&p->value, (char)c);
		} else if (memchr("`|&<>()", c, 7))
			fail(p, p->line, "a shell command; only assignments are understood here");
		else
			buf_addc(&p->value, (char)c);
	}
	if (p->value.failed)
		fail(p, p->line, "the value is too long");
}

static void end_of_line(struct parser *p)
{
	while (peek(p) == ' ' || peek(p) == '\t' || peek(p) == '\r' || peek(p) == ';')
		next(p);
	if (peek(p) == '#')
		skip_line(p);
	if (peek(p) >= 0 && peek(p) != '\n') {
		fail(p, p->line, "text after the value; put values with blanks in quotes");
		skip_line(p);
	}
}

static bool is_directive(struct parser *p, const char *word)
{
	size_t n = strlen(word);
	struct str rest = str_skip(p->in, p->at);
	if (!str_starts(rest, str_of(word)) || rest.n == n ||
	    (rest.p[n] != ' ' && rest.p[n] != '\t'))
		return false;
	p->at += n;
	while (peek(p) == ' ' || peek(p) == '\t')
		p->at++;
	return true;
}

int config_parse(struct str text, const char *file, struct config_faults *faults,
    int (*set)(void *ctx, struct str name, struct str value, unsigned line),
    int (*get)(void *ctx, struct str name, struct str *value),
    int (*include)(void *ctx, struct str file, unsigned line), void *ctx)
{
	struct parser p = {
	    .in = text, .line = 1, .file = file, .faults = faults, .get = get, .ctx = ctx};
	bool bad = false;
	buf_init(&p.value, VALUE_MAX);
	while (peek(&p) >= 0) {
		int c = peek(&p);
		p.failed = false;
		buf_clear(&p.value);
		if (c == '\n' || c == ' ' || c == '\t' || c == '\r') {
			next(&p);
			continue;
		}
		if (c == '#') {
			skip_line(&p);
			continue;
		}
		unsigned line = p.line;
		if (is_directive(&p, ".")) {
			read_word(&p);
			end_of_line(&p);
			if (!p.failed && (!include || include(ctx, buf_str(&p.value), line) < 0))
				p.failed = true;
			bad |= p.failed;
			continue;
		}
		(void)is_directive(&p, "export");
		struct str name = read_name(&p);
		if (name.n && peek(&p) == '=') {
			next(&p);
			read_word(&p);
			end_of_line(&p);
			if (!p.failed && set(ctx, name, buf_str(&p.value), line) < 0)
				p.failed = true;
		} else {
			fail(&p, line,
			    "neither NAME=value nor a comment; nothing else is understood here");
			skip_line(&p);
		}
		bad |= p.failed;
	}
	buf_free(&p.value);
	return bad ? -1 : 0;
}
