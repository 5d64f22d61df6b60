/* Paths of SMTP commands.  Strict, unlike the address lists of headers: a front end can refuse
 * before it has accepted anything. */
#include "config.h"

#include "rfc822/mailaddr-private.h"
#include "unicode/unicode.h"

#include <arpa/inet.h>

struct cursor {
	struct str s;
	size_t at;
	bool utf8; /* bytes beyond ASCII were read */
};

static int peek(const struct cursor *c)
{
	return c->at < c->s.n ? (unsigned char)c->s.p[c->at] : -1;
}

static bool eat(struct cursor *c, char what)
{
	if (peek(c) != (unsigned char)what)
		return false;
	c->at++;
	return true;
}

/* One character of an atom or a quoted string beyond ASCII: well-formed and no C1 control. */
static bool eat_utf8(struct cursor *c)
{
	uint32_t cp;
	size_t n = utf8_next(str_skip(c->s, c->at), &cp);
	if (n < 2 || cp < 0xa0)
		return false;
	c->at += n;
	c->utf8 = true;
	return true;
}

static bool eat_atom(struct cursor *c)
{
	size_t from = c->at;
	for (;;) {
		int ch = peek(c);
		if (ch >= 0 && ch < 0x80 && atom_char((unsigned char)ch))
			c->at++;
		else if (ch < 0x80 || !eat_utf8(c))
			break;
	}
	return c->at > from;
}

static bool read_dot_string(struct cursor *c, struct buf *local)
{
	size_t from = c->at;
	do {
		if (!eat_atom(c))
			return false;
	} while (eat(c, '.'));
	return buf_add(local, c->s.p + from, c->at - from);
}

static bool read_quoted(struct cursor *c, struct buf *local)
{
	c->at++;
	for (int ch; (ch = peek(c)) >= 0;) {
		size_t from = c->at;
		if (ch == '"') {
			c->at++;
			return true;
		}
		if (ch == '\\') {
			from = ++c->at;
			ch = peek(c);
		}
		if (ch >= 0x80) {
			if (!eat_utf8(c))
				return false;
		} else if (ch < 32 || ch == 127) {
			return false;
		} else {
			c->at++;
		}
		buf_add(local, c->s.p + from, c->at - from);
	}
	return false;
}

static bool label_ok(struct str label, bool utf8)
{
	uint32_t cp;
	bool wide = false;
	if (label.n == 0 || label.p[0] == '-' || label.p[label.n - 1] == '-')
		return false;
	for (size_t i = 0, n; i < label.n; i += n) {
		n = utf8_next(str_skip(label, i), &cp);
		if (n == 0 || (cp >= 0x80 && (cp < 0xa0 || !utf8)))
			return false;
		if (cp < 0x80 && !ascii_alnum((unsigned char)cp) && cp != '-' && cp != '_')
			return false;
		wide = wide || cp >= 0x80;
	}
	return label.n <= (wide ? 252 : 63);
}

bool mailpath_domain_ok(struct str domain, bool utf8)
{
	struct str label;
	if (domain.n == 0 || domain.n > MAILPATH_DOMAIN_MAX)
		return false;
	while (str_split(&domain, '.', &label))
		if (!label_ok(label, utf8))
			return false;
	return true;
}

bool mailpath_literal_ok(struct str domain, struct str *ip)
{
	char text[INET6_ADDRSTRLEN + 1];
	unsigned char address[16];
	if (domain.n < 2 || domain.p[0] != '[' || domain.p[domain.n - 1] != ']')
		return false;
	struct str in = str_at(domain.p + 1, domain.n - 2);
	bool six = str_istarts(in, STR("IPv6:"));
	if (six)
		in = str_skip(in, 5);
	if (in.n >= sizeof text || str_chr(in, 0) >= 0)
		return false;
	memcpy(text, in.p, in.n);
	text[in.n] = 0;
	if (inet_pton(six ? AF_INET6 : AF_INET, text, address) != 1)
		return false;
	if (ip)
		*ip = in;
	return true;
}

/* The domain's extent; its content is judged by the caller. */
static struct str read_domain(struct cursor *c)
{
	size_t from = c->at;
	if (peek(c) == '[') {
		while (peek(c) >= 0 && !strchr("]<> ", peek(c)))
			c->at++;
		eat(c, ']');
	} else {
		while (peek(c) >= 0x80 || peek(c) == '.' || ascii_alnum((unsigned char)peek(c)) ||
		       peek(c) == '-' || peek(c) == '_')
			if (peek(c) < 0x80)
				c->at++;
			else if (!eat_utf8(c))
				break;
	}
	return str_at(c->s.p + from, c->at - from);
}

static enum mailpath_error domain_check(struct mailpath *m)
{
	if (m->domain.n > MAILPATH_DOMAIN_MAX)
		return MAILPATH_TOO_LONG;
	m->literal = m->domain.n && m->domain.p[0] == '[';
	bool ok =
	    m->literal ? mailpath_literal_ok(m->domain, NULL) : mailpath_domain_ok(m->domain, true);
	return ok ? MAILPATH_OK : MAILPATH_SYNTAX;
}

static enum mailpath_error skip_route(struct cursor *c)
{
	size_t from = c->at;
	do {
		if (!eat(c, '@') || read_domain(c).n == 0)
			return MAILPATH_SYNTAX;
	} while (eat(c, ','));
	if (!eat(c, ':'))
		return MAILPATH_SYNTAX;
	return c->at - from > MAILPATH_ROUTE_MAX ? MAILPATH_TOO_LONG : MAILPATH_OK;
}

static enum mailpath_error read_local(struct arena *a, struct cursor *c, struct str *out)
{
	struct buf local;
	buf_init(&local, c->s.n + 1);
	bool ok = peek(c) == '"' ? read_quoted(c, &local) : read_dot_string(c, &local);
	enum mailpath_error e = MAILPATH_OK;
	if (!ok)
		e = local.failed ? MAILPATH_NO_MEMORY : MAILPATH_SYNTAX;
	else if (local.n > MAILPATH_LOCAL_MAX)
		e = MAILPATH_TOO_LONG;
	else if (!(*out = arena_str(a, buf_str(&local))).p)
		e = MAILPATH_NO_MEMORY;
	buf_free(&local);
	return e;
}

static enum mailpath_error read_mailbox(
    struct arena *a, struct cursor *c, unsigned flags, struct mailpath *out)
{
	enum mailpath_error e = MAILPATH_OK;
	if (peek(c) == '@')
		e = skip_route(c);
	c->utf8 = false; /* what a route held does not matter */
	if (!e)
		e = read_local(a, c, &out->local);
	if (e)
		return e;
	if (!eat(c, '@'))
		return flags & MAILPATH_BARE ? MAILPATH_OK : MAILPATH_NO_DOMAIN;
	out->domain = arena_str(a, read_domain(c));
	if (!out->domain.p)
		return MAILPATH_NO_MEMORY;
	return domain_check(out);
}

enum mailpath_error mailpath_parse(
    struct arena *a, struct str *rest, unsigned flags, struct mailpath *out)
{
	struct cursor c = {.s = *rest};
	bool angle = !(flags & MAILPATH_NO_ANGLE);
	*out = (struct mailpath){.local = STR(""), .domain = STR("")};
	if (angle && !eat(&c, '<'))
		return MAILPATH_SYNTAX;
	bool null = angle && (flags & MAILPATH_NULL) && peek(&c) == '>';
	enum mailpath_error e = null ? MAILPATH_OK : read_mailbox(a, &c, flags, out);
	/* the end is looked at before "no domain": <a b> is a syntax error */
	bool ended = angle ? eat(&c, '>') : c.at == c.s.n;
	if (!ended && (!e || e == MAILPATH_NO_DOMAIN))
		e = MAILPATH_SYNTAX;
	if (e)
		return e;
	out->utf8 = c.utf8;
	if (c.utf8 && !(flags & MAILPATH_UTF8))
		return MAILPATH_NEEDS_UTF8;
	*rest = str_skip(c.s, c.at);
	return MAILPATH_OK;
}
