#include "config.h"

#include "local/forward-file.h"
#include "rfc822/rfc822.h"

enum { ADDRESSES_MAX = 500 };

struct convert {
	const struct forward_facts *facts;
	struct arena *a;
	struct buf *out, address;
	bool *own;
	const char *fault;
};

static bool is_instruction(struct str s)
{
	return s.n && (s.p[0] == '|' || s.p[0] == '/' || str_starts(s, STR("./")));
}

/* A command or a mailbox.  Two bars would be read as something else. */
static void put_instruction(struct convert *c, struct str s)
{
	if (str_starts(s, STR("||")))
		c->fault = "has a program whose name begins with '|'";
	else if (str_is(s, "|"))
		c->fault = "has a program without a name";
	else if (str_has_ctl(s) || (s.n && s.p[s.n - 1] == '\\'))
		c->fault = "has a program or mailbox with a control character or a last '\\'";
	buf_adds(c->out, s);
	buf_addc(c->out, '\n');
}

static bool delivered_to(const struct convert *c, struct str address)
{
	struct str rest = c->facts->header;
	struct header_field f;
	while (header_next_named(&rest, "Delivered-To", &f))
		if (str_ieq(str_trim(f.body), address))
			return true;
	return false;
}

/* The whole address, or its local part alone, which means the same place. */
static bool is_own(const struct convert *c, const struct mailaddr *m, struct str address)
{
	struct str own = c->facts->own;
	ptrdiff_t at = str_rchr(own, '@');
	if (m->domain.n || at < 0)
		return own.n && str_ieq(address, own);
	return str_ieq(m->local, str_head(own, (size_t)at));
}

static void put_address(struct convert *c, const struct mailaddr *m)
{
	buf_clear(&c->address);
	if (!m->local.n || !mailaddr_print_spec(&c->address, m->local, m->domain))
		c->fault = "has an address that can't be read";
	else if (is_own(c, m, buf_str(&c->address)))
		*c->own = true;
	else if (str_has_ctl(buf_str(&c->address)))
		c->fault = "has an address with a control character";
	else if (!delivered_to(c, buf_str(&c->address)))
		buf_addf(c->out, "&%.*s\n", STR_FMT(buf_str(&c->address)));
}

static void put_addresses(struct convert *c, struct str text)
{
	struct mailaddr_list list;
	if (text.n && text.p[0] == '\\') /* sendmail's word for "no further" */
		text = str_skip(text, 1);
	if (str_starts(text, STR(":")))
		c->fault = "has ':include:', which is not known here";
	else if (mailaddr_parse(c->a, text, ADDRESSES_MAX, &list) < 0 || list.limit)
		c->fault = "is too large";
	else if (list.malformed)
		c->fault = "has an address that can't be read";
	else
		for (const struct mailaddr *m = list.first; m && !c->fault; m = m->next)
			if (m->kind == MAILADDR_MAILBOX)
				put_address(c, m);
}

/* Behind an opening quote: its text, without the backslashes before quotes and backslashes. */
static void put_quoted(struct convert *c, struct str *rest)
{
	char *text = arena_alloc(c->a, rest->n + 1);
	size_t n = 0, i = 0;
	for (; text && i < rest->n && rest->p[i] != '"'; i++) {
		if (rest->p[i] == '\\' && i + 1 < rest->n &&
		    (rest->p[i + 1] == '"' || rest->p[i + 1] == '\\'))
			i++;
		text[n++] = rest->p[i];
	}
	if (!text || i == rest->n)
		c->fault = text ? "has a quote that does not end" : "is too large";
	else
		put_instruction(c, str_trim(str_at(text, n)));
	*rest = str_skip(*rest, i + 1);
}

/* Up to the next comma that is in no quotes, comment or brackets. */
static struct str cut_item(struct str *rest)
{
	bool quoted = false;
	unsigned deep = 0;
	size_t i = 0;
	for (; i < rest->n; i++) {
		char ch = rest->p[i];
		if (ch == '\\' && i + 1 < rest->n)
			i++;
		else if (ch == '"')
			quoted = !quoted;
		else if (!quoted && (ch == '(' || ch == '<'))
			deep++;
		else if (!quoted && (ch == ')' || ch == '>') && deep)
			deep--;
		else if (ch == ',' && !quoted && !deep)
			break;
	}
	struct str item = str_trim(str_head(*rest, i));
	*rest = str_skip(*rest, i + 1);
	return item;
}

static void put_item(struct convert *c, struct str *rest)
{
	if (rest->p[0] == '"' && is_instruction(str_trim(str_skip(*rest, 1)))) {
		*rest = str_skip(*rest, 1);
		put_quoted(c, rest);
		if (cut_item(rest).n && !c->fault)
			c->fault = "has something between a quote and a comma";
		return;
	}
	struct str item = cut_item(rest);
	if (is_instruction(item))
		put_instruction(c, item);
	else if (item.n)
		put_addresses(c, item);
}

static void put_line(struct convert *c, struct str line)
{
	line = str_trim(line);
	if (line.n && line.p[0] == '#')
		return;
	if (line.n && line.p[0] == '|') {
		put_instruction(c, line);
		return;
	}
	while (line.n && !c->fault) {
		put_item(c, &line);
		line = str_trim(line);
	}
}

const char *forward_convert(
    struct str file, const struct forward_facts *f, struct arena *a, struct buf *out, bool *own)
{
	struct convert c = {.facts = f, .a = a, .out = out, .own = own};
	struct str line;
	*own = false;
	buf_init(&c.address, 4096);
	if (memchr(file.p ? file.p : "", 0, file.n))
		c.fault = "holds a NUL byte";
	while (!c.fault && file.n && str_split(&file, '\n', &line))
		put_line(&c, line);
	buf_free(&c.address);
	return c.fault ? c.fault : out->failed ? "is too large" : NULL;
}
