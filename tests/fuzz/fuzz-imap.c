/* The grammar of IMAP commands: every parser on every input. */
#include "config.h"

#include "imapd/condstore.h"
#include "imapd/fetch.h"
#include "imapd/list-match.h"
#include "imapd/list.h"
#include "imapd/preview.h"
#include "imapd/search.h"
#include "imapd/status.h"
#include "unicode/unicode.h"

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

static void search_return(struct parser p)
{
	struct search_key *key = NULL;
	struct seqset saved = {0};
	unsigned what;
	if (search_return_parse(&p, &what) && search_parse(&p, STR_NONE, true, &key) == SEARCH_OK) {
		search_put_saved(key, &saved);
		search_uses_modseq(key);
	}
}

static void folders(struct parser p)
{
	struct list_request rq;
	struct str uses[4];
	size_t n;
	unsigned items;
	struct parser q = p;
	if (list_parse(&q, &rq) && (rq.n == 0 || rq.n > LIST_PATTERNS_MAX))
		abort();
	q = p;
	if (use_parse(&q, uses, ARRAY_LEN(uses), &n) && (n == 0 || n > ARRAY_LEN(uses)))
		abort();
	q = p;
	if (status_parse(&q, &items) && !items)
		abort();
}

/* Ranges in order, apart from each other, and for the same numbers as before. */
static void ranges(struct parser p)
{
	enum { MAX = 12 };
	struct seqset set, before;
	if (!parse_set(&p, &set) || set.saved)
		return;
	before = set;
	before.v = arena_alloc(p.arena, set.n * sizeof *set.v);
	if (!before.v)
		return;
	memcpy(before.v, set.v, set.n * sizeof *set.v);
	ranges_tidy(&set, MAX);
	for (size_t i = 0; i < set.n; i++)
		if (set.v[i].from == 0 || set.v[i].from > set.v[i].to || set.v[i].to > MAX ||
		    (i && set.v[i].from <= set.v[i - 1].to + 1))
			abort();
	for (uint32_t n = 1; n <= MAX; n++)
		if (set_has(&set, n, MAX) != set_has(&before, n, MAX))
			abort();
	set.saved = true;
	for (uint32_t n = 1; n <= MAX; n++)
		if (set_has(&set, n, MAX) != set_has(&before, n, MAX))
			abort();
}

static void preview(struct parser p)
{
	struct buf out;
	for (int html = 0; html < 2; html++) {
		buf_init(&out, 4096);
		preview_text(p.rest, html, &out);
		if (out.failed || !utf8_valid(buf_str(&out)) || out.n > PREVIEW_CHARS * 4)
			abort();
		buf_free(&out);
	}
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
		search_return(p);
		folders(p);
		ranges(p);
		preview(p);
		struct select_params q;
		struct parser copy = p;
		select_params_parse(&copy, &q);
		rest(p);
	}
	arena_free(a);
	return 0;
}
