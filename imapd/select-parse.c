#include "config.h"

#include "imapd/condstore.h"

#include <stdlib.h>

static bool modseq(struct parser *p, uint64_t *out)
{
	return parse_number64(p, out);
}

/* "(uidvalidity modseq [known] [(numbers uids)])"; the last one only helps servers that forget. */
static bool qresync(struct parser *p, struct select_params *out)
{
	struct seqset ignored;
	if (!parse_sp(p) || !parse_char(p, '(') || !parse_number(p, &out->uidvalidity) ||
	    !parse_sp(p) || !modseq(p, &out->modseq))
		return false;
	while (parse_sp(p)) {
		if (parse_char(p, '(')) {
			if (!parse_set(p, &ignored) || !parse_sp(p) || !parse_set(p, &ignored) ||
			    !parse_char(p, ')'))
				return false;
			break;
		}
		if (out->has_known || !parse_set(p, &out->known) || out->known.saved)
			return false;
		out->has_known = true;
	}
	return parse_char(p, ')');
}

bool select_params_parse(struct parser *p, struct select_params *out)
{
	*out = (struct select_params){0};
	if (!parse_char(p, '('))
		return false;
	do {
		if (parse_word(p, "CONDSTORE"))
			out->condstore = true;
		else if (parse_word(p, "QRESYNC") && !out->qresync)
			out->qresync = true;
		else
			return false;
		if (out->qresync && !out->modseq && !out->uidvalidity && !qresync(p, out))
			return false;
	} while (parse_sp(p));
	return parse_char(p, ')');
}

static int by_from(const void *a, const void *b)
{
	const struct set_range *x = a, *y = b;
	return x->from < y->from ? -1 : x->from > y->from;
}

void ranges_tidy(struct seqset *set, uint32_t max)
{
	size_t to = 0;
	for (size_t i = 0; i < set->n; i++) {
		struct set_range r = set->v[i];
		r.from = r.from ? r.from : max;
		r.to = r.to ? r.to : max;
		if (r.from > r.to)
			r = (struct set_range){r.to, r.from};
		r.to = r.to > max ? max : r.to;
		if (r.from && r.from <= r.to)
			set->v[to++] = r;
	}
	set->n = to;
	if (to > 1)
		qsort(set->v, to, sizeof *set->v, by_from);
	to = 0;
	for (size_t i = 0; i < set->n; i++) {
		if (to && set->v[i].from <= (uint64_t)set->v[to - 1].to + 1) {
			if (set->v[i].to > set->v[to - 1].to)
				set->v[to - 1].to = set->v[i].to;
		} else {
			set->v[to++] = set->v[i];
		}
	}
	set->n = to;
}
