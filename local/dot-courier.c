#include "config.h"

#include "local/dot-courier.h"

struct parser {
	struct arena *a;
	struct dot_file *out;
	size_t cap;
	const char *fault;
};

static void add(struct parser *p, enum dot_kind kind, struct str text)
{
	char *copy = arena_strz(p->a, text);
	if (memchr(text.p ? text.p : "", 0, text.n))
		p->fault = "holds a NUL byte";
	else if (!copy)
		p->fault = "is too large";
	else if (p->out->n == p->cap)
		p->fault = "has too many instructions";
	else
		p->out->line[p->out->n++] = (struct dot_line){kind, copy};
}

static void add_address(struct parser *p, struct str s)
{
	s = str_trim(s);
	if (s.n && (s.p[0] == '&' || s.p[0] == '!'))
		s = str_trim(str_skip(s, 1));
	if (s.n > 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
		s = str_at(s.p + 1, s.n - 2);
	if (!s.n)
		return;
	if (str_has_ctl(s))
		p->fault = "has an address with a control character";
	else
		add(p, DOT_FORWARD, s);
}

/* Commas outside of quotes part addresses. */
static void add_addresses(struct parser *p, struct str s)
{
	bool quoted = false;
	size_t start = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (quoted && s.p[i] == '\\' && i + 1 < s.n)
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (s.p[i] == ',' && !quoted) {
			add_address(p, str_at(s.p + start, i - start));
			start = i + 1;
		}
	}
	if (quoted)
		p->fault = "has a quote that does not end";
	else
		add_address(p, str_at(s.p + start, s.n - start));
}

static void add_line(struct parser *p, struct str line)
{
	line = str_trim(line);
	if (!line.n || line.p[0] == '#')
		return;
	if (str_starts(line, STR("||")))
		add(p, DOT_DYNAMIC, str_trim(str_skip(line, 2)));
	else if (line.p[0] == '|')
		add(p, DOT_PROGRAM, str_trim(str_skip(line, 1)));
	else if (line.p[0] == '/' || line.p[0] == '.')
		add(p, DOT_MAILBOX, line);
	else
		add_addresses(p, line);
}

static bool goes_on(struct str line)
{
	struct str t = str_trim(line);
	return t.n && t.p[0] == '|' && line.n && line.p[line.n - 1] == '\\';
}

/* A command's next lines are glued on while each ends in a backslash; both vanish. */
static struct str join(struct parser *p, struct str line, struct str *rest)
{
	char *whole = arena_alloc(p->a, line.n + rest->n + 1);
	size_t n = 0;
	struct str next = line;
	if (!whole) {
		p->fault = "is too large";
		return STR_NONE;
	}
	for (;;) {
		bool more = next.n && next.p[next.n - 1] == '\\';
		memcpy(whole + n, next.p, next.n - more);
		n += next.n - more;
		if (!more || !rest->n || !str_split(rest, '\n', &next))
			return str_at(whole, n);
	}
}

const char *dot_parse(struct str text, struct arena *a, struct dot_file *out)
{
	struct parser p = {.a = a, .out = out, .cap = DOT_LINES_MAX};
	struct str line;
	*out = (struct dot_file){.empty = text.n == 0};
	if (text.n > DOT_FILE_MAX)
		return "is too large";
	out->line = arena_alloc(a, DOT_LINES_MAX * sizeof *out->line);
	if (!out->line)
		return "is too large";
	while (!p.fault && text.n && str_split(&text, '\n', &line)) {
		if (goes_on(line))
			line = join(&p, line, &text);
		add_line(&p, line);
	}
	return p.fault;
}

static void put_mapped(const struct dot_names *n, size_t bytes, struct buf *name)
{
	bool as_is = false; /* behind the slash of ".xalias/NAME" */
	for (size_t i = 0; i < bytes; i++) {
		char c = n->ext.p[i];
		as_is |= c == '/';
		if (as_is)
			;
		else if (c == '.')
			c = ':';
		else if (c != '-' && n->seps.n && memchr(n->seps.p, c, n->seps.n))
			c = '-';
		else if (n->lower)
			c = (char)ascii_lower((unsigned char)c);
		buf_addc(name, c);
	}
}

static bool separator(const struct dot_names *n, char c)
{
	return c == '-' || (n->seps.n && memchr(n->seps.p, c, n->seps.n));
}

/*
 * A slash would lead out of the home folder.  One may stand in ".xalias/NAME" and
 * ".xalias-WORD/NAME": there makealiases keeps the programs and files of aliases.
 */
static bool slashes_ok(struct str ext)
{
	ptrdiff_t at = str_chr(ext, '/');
	if (at < 0)
		return true;
	struct str folder = str_head(ext, (size_t)at), name = str_skip(ext, (size_t)at + 1);
	return (str_is(folder, ".xalias") ||
		   (str_starts(folder, STR(".xalias-")) && str_rchr(folder, '.') == 0)) &&
	       name.n && name.p[0] != '.' && str_chr(name, '/') < 0;
}

bool dot_names_next(struct dot_names *n, struct buf *name, struct str *rest)
{
	buf_clear(name);
	buf_addf(name, ".%.*s", STR_FMT(n->dot));
	*rest = STR_NONE;
	if (n->step == 0) {
		if (n->ext.n > DOT_NAME_MAX || !slashes_ok(n->ext) || str_has_ctl(n->ext))
			return false;
		n->step = n->ext.n ? 1 : 2;
		n->at = n->ext.n;
		if (n->ext.n)
			buf_addc(name, '-');
		put_mapped(n, n->ext.n, name);
		return !name->failed;
	}
	if (n->step == 2)
		return false;
	while (n->at > 0 && !separator(n, n->ext.p[n->at - 1]))
		n->at--;
	*rest = str_skip(n->ext, n->at);
	buf_addc(name, '-');
	put_mapped(n, n->at, name);
	buf_addz(name, "default");
	if (n->at == 0)
		n->step = 2;
	else
		n->at--;
	return !name->failed;
}
