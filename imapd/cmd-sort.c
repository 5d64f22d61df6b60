/* SORT (RFC 5256). */
#include "config.h"

#include "imapd/sort.h"

#include <stdlib.h>

enum { SORT_CRITERIA_MAX = 32 };

struct criterion {
	enum sort_key key;
	bool reverse;
};

struct criteria {
	struct criterion v[SORT_CRITERIA_MAX];
	size_t n;
	unsigned wanted;
};

static bool parse_criteria(struct parser *p, struct criteria *c)
{
	static const char *const names[SORT_KINDS] = {
	    "ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO"};
	bool reverse = false;
	if (!parse_char(p, '('))
		return false;
	do {
		struct str word;
		int key = -1;
		if (!parse_atom(p, &word))
			return false;
		if (str_iis(word, "REVERSE") && !reverse) {
			reverse = true;
			continue;
		}
		for (int i = 0; i < SORT_KINDS; i++)
			if (str_iis(word, names[i]))
				key = i;
		if (key < 0 || c->n == SORT_CRITERIA_MAX)
			return false;
		c->v[c->n++] = (struct criterion){(enum sort_key)key, reverse};
		c->wanted |= 1u << key;
		reverse = false;
	} while (parse_sp(p));
	return !reverse && c->n && parse_char(p, ')');
}

static int order(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_key(enum sort_key key, const struct sort_facts *a, const struct sort_facts *b)
{
	switch (key) {
	case SORT_ARRIVAL:
		return order(a->arrival, b->arrival);
	case SORT_DATE:
		return order(a->date, b->date);
	case SORT_SIZE:
		return order((int64_t)a->size, (int64_t)b->size);
	case SORT_SUBJECT:
		return str_cmp(a->subject, b->subject);
	case SORT_FROM:
		return str_cmp(a->from, b->from);
	case SORT_TO:
		return str_cmp(a->to, b->to);
	case SORT_CC:
		return str_cmp(a->cc, b->cc);
	case SORT_KINDS:
		break;
	}
	return 0;
}

static int compare(const void *x, const void *y, void *ctx)
{
	const struct sort_facts *a = x, *b = y;
	const struct criteria *c = ctx;
	for (size_t i = 0; i < c->n; i++) {
		int r = compare_key(c->v[i].key, a, b);
		if (r)
			return c->v[i].reverse ? -r : r;
	}
	return order(a->index, b->index);
}

void cmd_sort(struct session *s, struct parser *p)
{
	struct criteria c = {0};
	struct str charset;
	struct picked found;
	if (s->cfg.disable_threadsort) {
		reply_no(s, "[CANNOT] SORT is switched off here");
		return;
	}
	if (!parse_sp(p) || !parse_criteria(p, &c) || !parse_sp(p) || !parse_astring(p, &charset) ||
	    !parse_sp(p)) {
		reply_bad(s, "Sort criteria, charset and search keys expected");
		return;
	}
	if (!search_run(s, p, charset, false, &found))
		return;
	struct sort_facts *all = sort_gather(s, &found, c.wanted, false);
	if (!all)
		return;
	qsort_r(all, found.n, sizeof *all, compare, &c);
	io_putz(&s->io, "* SORT");
	for (size_t i = 0; i < found.n; i++)
		io_putf(&s->io, " %u", shown_number(s, all[i].index));
	put_found_modseq(s, &found);
	io_putz(&s->io, "\r\n");
	reply_ok(s, "SORT completed");
}
