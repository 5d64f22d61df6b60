#include "config.h"

#include "imapd/search.h"

static bool options(struct parser *p, unsigned *out)
{
	static const struct parse_name known[] = {
	    {"MIN", RETURN_MIN},
	    {"MAX", RETURN_MAX},
	    {"ALL", RETURN_ALL},
	    {"COUNT", RETURN_COUNT},
	    {"SAVE", RETURN_SAVE},
	};
	if (parse_char(p, ')'))
		return true;
	do {
		unsigned bit = parse_name(p, known, ARRAY_LEN(known));
		if (!bit)
			return false;
		*out |= bit;
	} while (parse_sp(p));
	return parse_char(p, ')');
}

bool search_return_parse(struct parser *p, unsigned *out)
{
	*out = 0;
	if (!parse_word(p, "RETURN"))
		return true;
	*out = RETURN_EXTENDED;
	if (!parse_sp(p) || !parse_char(p, '(') || !options(p, out))
		return false;
	if (*out == RETURN_EXTENDED)
		*out |= RETURN_ALL; /* RFC 4731, 3.1 */
	return parse_sp(p);
}

bool search_uses_modseq(const struct search_key *k)
{
	bool uses = k->kind == KEY_MODSEQ;
	if (k->kind == KEY_AND || k->kind == KEY_OR)
		for (const struct search_key *c = k->child; c && !uses; c = c->next)
			uses = search_uses_modseq(c);
	return uses;
}

void search_put_saved(struct search_key *k, const struct seqset *saved)
{
	if ((k->kind == KEY_SET || k->kind == KEY_UID) && k->set.saved) {
		k->kind = KEY_UID;
		k->set = *saved;
	}
	if (k->kind == KEY_AND || k->kind == KEY_OR)
		for (struct search_key *c = k->child; c; c = c->next)
			search_put_saved(c, saved);
}
