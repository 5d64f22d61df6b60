/* The grammar of IMAP commands: every parser on every input. */
#include "config.h"

#include "imapd/fetch.h"
#include "imapd/list-match.h"
#include "imapd/search.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fetch(struct parser p)
{
	struct fetch_list list;
	struct buf name;
	if (!fetch_parse(&p, &list))
		return;
	buf_init(&name, 1 << 20);
	for (size_t i = 0; i < list.n; i++)
		fetch_item_name(&list.v[i], &name);
	buf_free(&name);
}

static void search(struct parser p)
{
	struct search_key *key = NULL;
	enum search_error e = search_parse(&p, STR_NONE, true, &key);
	if ((e == SEARCH_OK) != (key != NULL) && e != SEARCH_SYNTAX)
		abort();
	if (e == SEARCH_OK)
		search_optimise(key);
}

static void set(struct parser p)
{
	struct seqset s;
	if (parse_set(&p, &s))
		for (uint32_t n = 1; n < 5; n++)
			set_has(&s, n, 4);
}

static void rest(struct parser p)
{
	struct flag_list flags;
	struct literal literal;
	struct str a, b;
	int64_t t;
	if (parse_literal_tail(p.rest, &literal) && literal.at >= p.rest.n)
		abort();
	struct parser q = p;
	parse_flags_bare(&q, &flags);
	q = p;
	parse_date_time(&q, &t);
	q = p;
	parse_date(&q, &t);
	q = p;
	if (parse_tag(&q, &a) && parse_sp(&q) && parse_astring(&q, &a) && parse_sp(&q) &&
	    parse_list_mailbox(&q, &b))
		list_match(b, a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(32 << 20);
	struct parser p = {str_at(data, size), a};
	if (a) {
		fetch(p);
		search(p);
		set(p);
		rest(p);
	}
	arena_free(a);
	return 0;
}
