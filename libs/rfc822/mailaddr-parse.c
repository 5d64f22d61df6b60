/*
 * Address lists.  One token of look-ahead, no recursion: words are collected until a special
 * character tells what they were: a display name (<), a local part (@), a group's name (:), or a
 * bare local part (the end).
 */
#include "config.h"

#include "rfc822/mailaddr-private.h"

struct parser {
	struct arena *arena;
	struct lexer lx;
	struct token tok;
	struct mailaddr_list *out;
	struct mailaddr **tail;
	size_t count, max;
	bool in_group;
	/* the words collected so far, as a phrase and, their last dotted run, as a local part */
	struct buf phrase, local, domain;
	bool phrase_quoted, several_runs, after_dot;
	const char *text_from, *run_from, *run_to;
};

static void next(struct parser *p)
{
	lexer_next(&p->lx, &p->tok);
}

static bool at(const struct parser *p, char c)
{
	return p->tok.kind == TOKEN_SPECIAL && p->tok.c == c;
}

static bool at_word(const struct parser *p)
{
	return p->tok.kind == TOKEN_ATOM || p->tok.kind == TOKEN_QUOTED;
}

static bool at_separator(const struct parser *p)
{
	return p->tok.kind == TOKEN_END || at(p, ',') || at(p, ';');
}

static const char *token_end(const struct token *t)
{
	return t->raw.p + t->raw.n;
}

static void words_reset(struct parser *p)
{
	buf_clear(&p->phrase);
	buf_clear(&p->local);
	buf_clear(&p->domain);
	p->phrase_quoted = p->several_runs = p->after_dot = false;
	p->text_from = p->tok.raw.p;
	p->run_from = p->run_to = p->tok.raw.p;
}

static void word_add(struct parser *p)
{
	bool dot = at(p, '.');
	bool first = p->phrase.n == 0 && p->local.n == 0 && !p->phrase_quoted;
	if (!first && !dot && !p->after_dot) { /* two words side by side: no local part */
		p->several_runs = true;
		buf_clear(&p->local);
		p->run_from = p->tok.raw.p;
	}
	if (p->phrase.n && (p->tok.gap || (!dot && !p->after_dot)))
		buf_addc(&p->phrase, ' ');
	token_text(&p->tok, &p->phrase);
	token_text(&p->tok, &p->local);
	p->phrase_quoted = p->phrase_quoted || p->tok.kind == TOKEN_QUOTED;
	p->after_dot = dot;
	p->run_to = token_end(&p->tok);
}

static void read_words(struct parser *p)
{
	while (at_word(p) || at(p, '.') || p->tok.kind == TOKEN_LITERAL) {
		if (p->tok.kind == TOKEN_LITERAL)
			p->lx.malformed = true;
		word_add(p);
		next(p);
	}
}

/* Behind the @; false when there is no domain. */
static bool read_domain(struct parser *p)
{
	buf_clear(&p->domain);
	bool want_atom = true;
	if (p->tok.kind == TOKEN_LITERAL) {
		token_text(&p->tok, &p->domain);
		p->run_to = token_end(&p->tok);
		next(p);
		return true;
	}
	while (at(p, '.') || (want_atom && p->tok.kind == TOKEN_ATOM)) {
		want_atom = at(p, '.');
		token_text(&p->tok, &p->domain);
		p->run_to = token_end(&p->tok);
		next(p);
	}
	return p->domain.n > 0;
}

static struct mailaddr *item_add(struct parser *p, enum mailaddr_kind kind)
{
	struct mailaddr *m = arena_new_of(p->arena, struct mailaddr);
	if (!m)
		return NULL;
	m->kind = kind;
	*p->tail = m;
	p->tail = &m->next;
	return m;
}

static bool keep(struct parser *p, struct buf *from, struct str *to)
{
	if (from->failed)
		return false;
	if (from->n == 0)
		return true;
	*to = arena_str(p->arena, buf_str(from));
	return to->p != NULL;
}

/* Comments belong to the address they follow, up to the comma: so this is called late. */
static bool keep_comment(struct parser *p, struct mailaddr *m)
{
	struct buf text;
	if (p->lx.comment.n == 0)
		return true;
	buf_init(&text, p->lx.comment.n + 1);
	comment_text(p->lx.comment, &text);
	bool ok = keep(p, &text, &m->comment);
	buf_free(&text);
	p->lx.comment = STR_NONE;
	return ok;
}

static void skip_to_separator(struct parser *p)
{
	p->lx.malformed = true;
	while (!at_separator(p))
		next(p);
}

/* Text that is no address becomes a display name alone. */
static bool keep_as_text(struct parser *p, struct mailaddr *m)
{
	m->local = m->domain = m->spec = m->angle = STR_NONE;
	const char *to = p->lx.in.p + p->lx.in.n;
	skip_to_separator(p);
	if (p->tok.raw.p < to)
		to = p->tok.raw.p;
	buf_clear(&p->phrase);
	comment_text(str_range(p->text_from, to), &p->phrase);
	return keep(p, &p->phrase, &m->name);
}

/* "@a,@b:" of the obsolete route; its colon is eaten. */
static bool read_route(struct parser *p, struct mailaddr *m)
{
	const char *from = p->tok.raw.p;
	while (at(p, '@') || at(p, ',')) {
		bool comma = at(p, ',');
		next(p);
		if (!comma && !read_domain(p))
			return false;
	}
	if (!at(p, ':'))
		return false;
	m->route = str_range(from, p->tok.raw.p);
	next(p);
	return true;
}

static bool read_spec(struct parser *p, struct mailaddr *m)
{
	read_words(p);
	if (at(p, '@')) {
		next(p);
		if (!read_domain(p))
			return false;
	}
	m->spec = str_range(p->run_from, p->run_to);
	return !p->several_runs;
}

/* From "<" to behind ">".  The name is kept before: the words are used again for the address. */
static bool read_angle(struct parser *p, struct mailaddr *m)
{
	const char *from = p->tok.raw.p;
	next(p);
	words_reset(p);
	if (at(p, '@') && !read_route(p, m)) {
		skip_to_separator(p);
		return true;
	}
	words_reset(p);
	bool good = read_spec(p, m) && at(p, '>');
	if (!good) {
		p->lx.malformed = true;
		m->spec = STR_NONE;
		while (!at_separator(p) && !at(p, '>'))
			next(p);
	}
	if (at(p, '>')) {
		m->angle = str_range(from, token_end(&p->tok));
		next(p);
	}
	return !good || (keep(p, &p->local, &m->local) && keep(p, &p->domain, &m->domain));
}

static bool read_named(struct parser *p, struct mailaddr *m)
{
	m->name_quoted = p->phrase_quoted;
	if (!keep(p, &p->phrase, &m->name) || !read_angle(p, m))
		return false;
	if (!at_separator(p) && !at(p, '<') && !at_word(p))
		skip_to_separator(p);
	else if (!at_separator(p))
		p->lx.malformed = true; /* a missing comma */
	return true;
}

/* local@domain without brackets; words before are not allowed but seen. */
static bool read_plain(struct parser *p, struct mailaddr *m)
{
	next(p);
	if (p->local.n == 0 && !p->phrase_quoted)
		return keep_as_text(p, m);
	if (!read_domain(p) || at(p, '@'))
		return keep_as_text(p, m);
	if (at(p, '<')) { /* user@host <user@host>: the first is meant as a name */
		p->lx.malformed = true;
		buf_addc(&p->phrase, '@');
		buf_adds(&p->phrase, buf_str(&p->domain));
		return read_named(p, m);
	}
	m->spec = str_range(p->run_from, p->run_to);
	if (p->several_runs || !at_separator(p))
		p->lx.malformed = true;
	if (!at_separator(p) && !at_word(p))
		skip_to_separator(p);
	return keep(p, &p->local, &m->local) && keep(p, &p->domain, &m->domain);
}

static bool read_bare(struct parser *p, struct mailaddr *m)
{
	if (p->several_runs)
		return keep_as_text(p, m);
	m->spec = str_range(p->run_from, p->run_to);
	return keep(p, &p->local, &m->local);
}

static bool read_mailbox(struct parser *p)
{
	struct mailaddr *m = item_add(p, MAILADDR_MAILBOX);
	if (!m)
		return false;
	p->out->mailboxes++;
	bool ok;
	if (at(p, '<'))
		ok = read_named(p, m);
	else if (at(p, '@'))
		ok = read_plain(p, m);
	else if (at_separator(p))
		ok = read_bare(p, m);
	else
		ok = keep_as_text(p, m);
	return ok && keep_comment(p, m);
}

static bool group_begin(struct parser *p)
{
	if (p->in_group || p->phrase.n == 0)
		p->lx.malformed = true;
	if (!p->in_group) {
		struct mailaddr *m = item_add(p, MAILADDR_GROUP_BEGIN);
		if (!m || !keep(p, &p->phrase, &m->name))
			return false;
		m->name_quoted = p->phrase_quoted;
	}
	p->in_group = true;
	p->lx.comment = STR_NONE;
	next(p);
	return true;
}

static bool group_end(struct parser *p)
{
	if (!p->in_group)
		return true;
	p->in_group = false;
	return item_add(p, MAILADDR_GROUP_END) != NULL;
}

/* One element of the list; false without memory. */
static bool read_item(struct parser *p)
{
	if (at(p, ';')) {
		p->lx.malformed = p->lx.malformed || !p->in_group;
		p->lx.comment = STR_NONE;
		next(p);
		return group_end(p);
	}
	if (at(p, ',')) {
		p->lx.comment = STR_NONE;
		next(p);
		return true;
	}
	if (++p->count > p->max) {
		p->out->limit = true;
		return true;
	}
	words_reset(p);
	read_words(p);
	return at(p, ':') ? group_begin(p) : read_mailbox(p);
}

int mailaddr_parse(struct arena *a, struct str body, size_t max, struct mailaddr_list *out)
{
	struct parser p = {.arena = a, .lx = {.in = body}, .out = out, .max = max};
	*out = (struct mailaddr_list){0};
	p.tail = &out->first;
	if (body.n > SIZE_MAX / 4)
		return -1;
	buf_init(&p.phrase, body.n * 2 + 16);
	buf_init(&p.local, body.n + 16);
	buf_init(&p.domain, body.n + 16);
	next(&p);
	bool ok = true;
	while (ok && !out->limit && p.tok.kind != TOKEN_END)
		ok = read_item(&p);
	p.lx.malformed = p.lx.malformed || p.in_group;
	ok = ok && group_end(&p);
	out->malformed = p.lx.malformed;
	out->limit = out->limit || p.lx.limit;
	buf_free(&p.phrase);
	buf_free(&p.local);
	buf_free(&p.domain);
	return ok ? 0 : -1;
}

bool mailaddr_parse_one(struct arena *a, struct str text, struct mailaddr *out)
{
	struct mailaddr_list list;
	if (mailaddr_parse(a, text, 2, &list) < 0 || list.malformed || list.limit)
		return false;
	if (!list.first || list.first->next || list.first->kind != MAILADDR_MAILBOX)
		return false;
	*out = *list.first;
	return true;
}
