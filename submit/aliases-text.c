/* The text of aliases: logical lines, names, members. */
#include "submit/aliases.h"

/* Cuts the next logical line (with its continuations) off *rest. */
static bool next_entry(struct str *rest, struct str *entry, unsigned *line, unsigned *next_line)
{
	while (rest->n) {
		struct str from = *rest, piece;
		*line = *next_line;
		str_split(rest, '\n', &piece);
		++*next_line;
		if (piece.n && (piece.p[0] == '#' || str_trim(piece).n == 0))
			continue;
		if (piece.n == 0)
			continue;
		while (rest->n && (rest->p[0] == ' ' || rest->p[0] == '\t')) {
			str_split(rest, '\n', &piece);
			++*next_line;
		}
		*entry = str_range(from.p, piece.p + piece.n);
		return true;
	}
	return false;
}

/* The index of the colon behind the name: quoted strings may hold colons. */
static ptrdiff_t find_colon(struct str s)
{
	bool quoted = false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && quoted)
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (s.p[i] == ':' && !quoted)
			return (ptrdiff_t)i;
	}
	return -1;
}

/* Cuts the next member off *rest: up to a comma outside quotes and brackets. */
static struct str next_member(struct str *rest)
{
	bool quoted = false;
	size_t i = 0;
	for (; i < rest->n; i++) {
		char c = rest->p[i];
		if (c == '\\' && quoted)
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (c == ',' && !quoted)
			break;
	}
	struct str member = str_trim(str_head(*rest, i));
	*rest = str_skip(*rest, i + 1);
	return member;
}

static enum alias_kind kind_of(struct str *value)
{
	if (str_istarts(*value, STR(":include:"))) {
		*value = str_trim(str_skip(*value, 9));
		return ALIAS_INCLUDE;
	}
	struct str inner = *value;
	if (inner.n > 2 && inner.p[0] == '"' && inner.p[inner.n - 1] == '"')
		inner = str_head(str_skip(inner, 1), inner.n - 2);
	if (inner.n && (inner.p[0] == '|' || inner.p[0] == '/')) {
		*value = inner;
		return inner.p[0] == '|' ? ALIAS_PROGRAM : ALIAS_FILE;
	}
	return ALIAS_ADDRESS;
}

static int read_members(
    struct str rest, struct str name, unsigned line, const struct alias_reader *r, bool plain)
{
	/* A command may hold commas: it is all that stands there. */
	rest = str_trim(rest);
	if (!plain && rest.n && rest.p[0] == '|')
		return r->member(r->ctx, name, ALIAS_PROGRAM, rest, line);
	while (rest.n) {
		struct str value = next_member(&rest);
		if (value.n == 0)
			continue;
		enum alias_kind kind = plain ? ALIAS_ADDRESS : kind_of(&value);
		if (r->member(r->ctx, name, kind, value, line) < 0)
			return -1;
	}
	return 0;
}

int aliases_read(struct str text, const struct alias_reader *r)
{
	struct str entry;
	unsigned line = 1, next = 1;
	int bad = 0;
	while (next_entry(&text, &entry, &line, &next)) {
		ptrdiff_t colon = find_colon(entry);
		struct str name = colon < 0 ? STR_NONE : str_trim(str_head(entry, (size_t)colon));
		if (name.n == 0 || ascii_space((unsigned char)entry.p[0])) {
			bad++;
			if (r->bad)
				r->bad(r->ctx, line, "this is no `name: member, ...`");
			continue;
		}
		if (read_members(str_skip(entry, (size_t)colon + 1), name, line, r, false) < 0)
			return -1;
	}
	return bad;
}

int aliases_read_list(struct str text, struct str name, const struct alias_reader *r)
{
	struct str line;
	unsigned number = 0;
	while (str_split(&text, '\n', &line)) {
		number++;
		line = str_trim(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (read_members(line, name, number, r, true) < 0)
			return -1;
	}
	return 0;
}
