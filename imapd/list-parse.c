#include "config.h"

#include "imapd/list.h"
#include "imapd/status.h"

static const struct parse_name select_options[] = {
    {"SUBSCRIBED", LIST_SUBSCRIBED},
    {"REMOTE", LIST_REMOTE},
    {"RECURSIVEMATCH", LIST_RECURSIVE},
    {"SPECIAL-USE", LIST_SPECIAL},
};

static const struct parse_name return_options[] = {
    {"SUBSCRIBED", LIST_SUBSCRIBED},
    {"CHILDREN", LIST_CHILDREN},
    {"SPECIAL-USE", LIST_SPECIAL},
    {"STATUS", LIST_STATUS},
};

static bool one_option(
    struct parser *p, const struct parse_name *known, size_t n, unsigned *bits, unsigned *status)
{
	unsigned bit = parse_name(p, known, n);
	*bits |= bit;
	return bit == LIST_STATUS ? parse_sp(p) && status_parse(p, status) : bit != 0;
}

/* "(A B)", the opening parenthesis taken. */
static bool options(
    struct parser *p, const struct parse_name *known, size_t n, unsigned *bits, unsigned *status)
{
	if (parse_char(p, ')'))
		return true;
	do
		if (!one_option(p, known, n, bits, status))
			return false;
	while (parse_sp(p));
	return parse_char(p, ')');
}

static bool patterns(struct parser *p, struct list_request *out)
{
	out->patterns = arena_alloc(p->arena, LIST_PATTERNS_MAX * sizeof *out->patterns);
	if (!out->patterns)
		return false;
	if (!parse_char(p, '('))
		return parse_list_mailbox(p, &out->patterns[out->n++]);
	out->extended = true;
	do
		if (out->n == LIST_PATTERNS_MAX || !parse_list_mailbox(p, &out->patterns[out->n++]))
			return false;
	while (parse_sp(p));
	return parse_char(p, ')');
}

bool list_parse(struct parser *p, struct list_request *out)
{
	*out = (struct list_request){0};
	if (parse_char(p, '(')) {
		out->extended = true;
		if (!options(
			p, select_options, ARRAY_LEN(select_options), &out->select, &out->status) ||
		    !parse_sp(p))
			return false;
	}
	if (!parse_astring(p, &out->reference) || !parse_sp(p) || !patterns(p, out))
		return false;
	if (!parse_end(p)) {
		out->extended = true;
		if (!parse_word(p, "RETURN") || !parse_sp(p) || !parse_char(p, '(') ||
		    !options(p, return_options, ARRAY_LEN(return_options), &out->ret, &out->status))
			return false;
	}
	/* RFC 5258, section 3: it says nothing by itself */
	if ((out->select & LIST_RECURSIVE) && !(out->select & LIST_SUBSCRIBED))
		return false;
	return parse_end(p);
}

bool use_parse(struct parser *p, struct str *uses, size_t max, size_t *n)
{
	*n = 0;
	if (!parse_char(p, '(') || !parse_word(p, "USE") || !parse_sp(p) || !parse_char(p, '('))
		return false;
	do
		if (*n == max || !parse_char(p, '\\') || !parse_atom(p, &uses[(*n)++]))
			return false;
	while (parse_sp(p));
	return parse_char(p, ')') && parse_char(p, ')');
}
