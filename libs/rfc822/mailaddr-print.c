#include "config.h"

#include "rfc822/mailaddr-private.h"

enum { FOLD_COLUMN = 76 };

static bool dot_atom(struct str s)
{
	bool dot = true; /* none at the start */
	for (size_t i = 0; i < s.n; i++) {
		bool here = s.p[i] == '.';
		if ((here && dot) || (!here && !atom_char((unsigned char)s.p[i])))
			return false;
		dot = here;
	}
	return !dot;
}

/* Line ends and NUL can't be quoted; they would end the field. */
static bool add_quoted(struct buf *out, struct str s)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '\r' || c == '\n' || c == 0)
			continue;
		if (c == '"' || c == '\\')
			buf_addc(out, '\\');
		buf_addc(out, c);
	}
	return buf_addc(out, '"');
}

/* A domain comes from a parser; what would end the address or the field is left out. */
static void add_domain(struct buf *out, struct str s)
{
	bool literal = s.n > 1 && s.p[0] == '[' && s.p[s.n - 1] == ']';
	const char *bad = literal ? "[]\\" : "<>[]\"(),;:@\\";
	if (literal)
		s = str_at(s.p + 1, s.n - 2);
	if (literal)
		buf_addc(out, '[');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c > 32 && c != 127 && !strchr(bad, c))
			buf_addc(out, (char)c);
	}
	if (literal)
		buf_addc(out, ']');
}

bool mailaddr_print_spec(struct buf *out, struct str local, struct str domain)
{
	if (dot_atom(local))
		buf_adds(out, local);
	else
		add_quoted(out, local);
	if (domain.n) {
		buf_addc(out, '@');
		add_domain(out, domain);
	}
	return !out->failed;
}

/* Atoms with single blanks between them. */
static bool phrase_of_atoms(struct str s)
{
	bool gap = true;
	for (size_t i = 0; i < s.n; i++) {
		bool here = s.p[i] == ' ';
		if ((here && gap) || (!here && !atom_char((unsigned char)s.p[i])))
			return false;
		gap = here;
	}
	return !gap;
}

bool mailaddr_print_phrase(struct buf *out, struct str name)
{
	return phrase_of_atoms(name) ? buf_adds(out, name) : add_quoted(out, name);
}

static void add_name(struct buf *out, const struct mailaddr *m)
{
	/* quoted, an encoded word is text; as an atom it would be decoded */
	if (m->name_quoted && str_find(m->name, STR("=?")) >= 0)
		add_quoted(out, m->name);
	else
		mailaddr_print_phrase(out, m->name);
}

static void add_comment(struct buf *out, struct str s)
{
	buf_addz(out, " (");
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '\r' || c == '\n' || c == 0)
			continue;
		if (c == '(' || c == ')' || c == '\\')
			buf_addc(out, '\\');
		buf_addc(out, c);
	}
	buf_addc(out, ')');
}

static void print_mailbox(struct buf *out, const struct mailaddr *m)
{
	bool empty = m->local.n == 0 && m->domain.n == 0;
	if (m->name.n == 0 && empty) {
		buf_addz(out, "<>");
		return;
	}
	if (m->name.n) {
		add_name(out, m);
		if (empty && m->angle.n == 0)
			return; /* text that never was an address */
		buf_addz(out, " <");
	}
	if (!empty)
		mailaddr_print_spec(out, m->local, m->domain);
	if (m->name.n)
		buf_addc(out, '>');
	else if (m->comment.n)
		add_comment(out, m->comment);
}

bool mailaddr_print(struct buf *out, const struct mailaddr *m)
{
	switch (m->kind) {
	case MAILADDR_GROUP_BEGIN:
		add_name(out, m);
		buf_addc(out, ':');
		break;
	case MAILADDR_GROUP_END:
		buf_addc(out, ';');
		break;
	default:
		print_mailbox(out, m);
	}
	return !out->failed;
}

/* Copies text to out, turning blanks into folds so that lines stay short where they can. */
static bool fold(struct buf *out, struct str text, const char *eol)
{
	size_t column = 0;
	while (text.n) {
		size_t gap = 0;
		while (gap < text.n && text.p[gap] == ' ')
			gap++;
		size_t n = gap;
		while (n < text.n && text.p[n] != ' ')
			n++;
		if (gap && n > gap && column && column + n > FOLD_COLUMN) {
			buf_addz(out, eol);
			column = 0;
		}
		buf_add(out, text.p, n);
		column += n;
		text = str_skip(text, n);
	}
	return buf_addz(out, eol);
}

bool mailaddr_print_field(
    struct buf *out, const char *name, const struct mailaddr *first, const char *eol)
{
	struct buf line;
	buf_init(&line, out->max);
	buf_addf(&line, "%s:", name);
	bool comma = false;
	for (const struct mailaddr *m = first; m; m = m->next) {
		if (comma && m->kind != MAILADDR_GROUP_END)
			buf_addc(&line, ',');
		if (m->kind != MAILADDR_GROUP_END)
			buf_addc(&line, ' ');
		mailaddr_print(&line, m);
		comma = m->kind != MAILADDR_GROUP_BEGIN;
	}
	out->failed = out->failed || line.failed;
	fold(out, buf_str(&line), eol);
	buf_free(&line);
	return !out->failed;
}
