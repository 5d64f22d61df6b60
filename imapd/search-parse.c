#include "config.h"

#include "imapd/search.h"
#include "maildir/maildir.h"
#include "unicode/unicode.h"

struct reader {
	struct parser *p;
	struct str charset;
	unsigned keys, depth;
	enum search_error error;
};

enum argument {
	ARG_NONE,
	ARG_TEXT,
	ARG_DATE,
	ARG_SECONDS,
	ARG_SIZE,
	ARG_SET,
	ARG_ATOM,
	ARG_HEADER,
	ARG_MODSEQ
};

static const struct {
	const char *name;
	enum search_kind kind;
	enum argument arg;
	enum search_cost cost;
	unsigned flags;
	bool negate;
	const char *field;
} words[] = {
    {"ALL", KEY_ALL, ARG_NONE, COST_NONE, 0, false, NULL},
    {"ANSWERED", KEY_FLAGS, ARG_NONE, COST_NONE, MAILDIR_REPLIED, false, NULL},
    {"UNANSWERED", KEY_FLAGS, ARG_NONE, COST_NONE, MAILDIR_REPLIED, true, NULL},
    {"DELETED", KEY_FLAGS, ARG_NONE, COST_NONE, MAILDIR_TRASHED, false, NULL},
    {"UNDELETED", KEY_FLAGS, ARG_NONE, COST_NONE, MAILDIR_TRASHED, true, NULL},
    {"DRAFT", KEY_FLAGS, ARG_NONE, COST_NONE, MAILDIR_DRAFT, false, NULL},
    {"UNDRAFT", KEY_FLAGS, ARG_NONE, COST_NONE, MAILDIR_DRAFT, true, NULL},
    {"FLAGGED", KEY_FLAGS, ARG_NONE, COST_NONE, MAILDIR_FLAGGED, false, NULL},
    {"UNFLAGGED", KEY_FLAGS, ARG_NONE, COST_NONE, MAILDIR_FLAGGED, true, NULL},
    {"SEEN", KEY_FLAGS, ARG_NONE, COST_NONE, MAILDIR_SEEN, false, NULL},
    {"UNSEEN", KEY_FLAGS, ARG_NONE, COST_NONE, MAILDIR_SEEN, true, NULL},
    {"RECENT", KEY_RECENT, ARG_NONE, COST_NONE, 0, false, NULL},
    {"OLD", KEY_RECENT, ARG_NONE, COST_NONE, 0, true, NULL},
    {"KEYWORD", KEY_KEYWORD, ARG_ATOM, COST_NONE, 0, false, NULL},
    {"UNKEYWORD", KEY_KEYWORD, ARG_ATOM, COST_NONE, 0, true, NULL},
    {"UID", KEY_UID, ARG_SET, COST_NONE, 0, false, NULL},
    {"BEFORE", KEY_BEFORE, ARG_DATE, COST_STAT, 0, false, NULL},
    {"ON", KEY_ON, ARG_DATE, COST_STAT, 0, false, NULL},
    {"SINCE", KEY_SINCE, ARG_DATE, COST_STAT, 0, false, NULL},
    {"SENTBEFORE", KEY_SENT_BEFORE, ARG_DATE, COST_HEADER, 0, false, NULL},
    {"SENTON", KEY_SENT_ON, ARG_DATE, COST_HEADER, 0, false, NULL},
    {"SENTSINCE", KEY_SENT_SINCE, ARG_DATE, COST_HEADER, 0, false, NULL},
    {"OLDER", KEY_OLDER, ARG_SECONDS, COST_STAT, 0, false, NULL},
    {"YOUNGER", KEY_YOUNGER, ARG_SECONDS, COST_STAT, 0, false, NULL},
    {"SAVEDBEFORE", KEY_SAVED_BEFORE, ARG_DATE, COST_NONE, 0, false, NULL},
    {"SAVEDON", KEY_SAVED_ON, ARG_DATE, COST_NONE, 0, false, NULL},
    {"SAVEDSINCE", KEY_SAVED_SINCE, ARG_DATE, COST_NONE, 0, false, NULL},
    {"SAVEDATESUPPORTED", KEY_ALL, ARG_NONE, COST_NONE, 0, false, NULL},
    {"MODSEQ", KEY_MODSEQ, ARG_MODSEQ, COST_NONE, 0, false, NULL},
    {"FROM", KEY_HEADER, ARG_TEXT, COST_HEADER, 0, false, "From"},
    {"TO", KEY_HEADER, ARG_TEXT, COST_HEADER, 0, false, "To"},
    {"CC", KEY_HEADER, ARG_TEXT, COST_HEADER, 0, false, "Cc"},
    {"BCC", KEY_HEADER, ARG_TEXT, COST_HEADER, 0, false, "Bcc"},
    {"SUBJECT", KEY_HEADER, ARG_TEXT, COST_HEADER, 0, false, "Subject"},
    {"HEADER", KEY_HEADER, ARG_HEADER, COST_HEADER, 0, false, NULL},
    {"LARGER", KEY_LARGER, ARG_SIZE, COST_ALL, 0, false, NULL},
    {"SMALLER", KEY_SMALLER, ARG_SIZE, COST_ALL, 0, false, NULL},
    {"BODY", KEY_BODY, ARG_TEXT, COST_ALL, 0, false, NULL},
    {"TEXT", KEY_TEXT, ARG_TEXT, COST_ALL, 0, false, NULL},
};

static struct search_key *fail(struct reader *r, enum search_error error)
{
	if (!r->error)
		r->error = error;
	return NULL;
}

static struct search_key *new_key(struct reader *r, enum search_kind kind)
{
	if (++r->keys > SEARCH_KEYS_MAX)
		return fail(r, SEARCH_TOO_COMPLEX);
	struct search_key *k = arena_new_of(r->p->arena, struct search_key);
	if (!k)
		return fail(r, SEARCH_NO_MEMORY);
	k->kind = kind;
	return k;
}

static bool read_text(struct reader *r, struct str *out)
{
	struct str s;
	struct arena *a = r->p->arena;
	if (!parse_sp(r->p) || !parse_astring(r->p, &s))
		return fail(r, SEARCH_SYNTAX);
	s = charset_to_utf8(a, r->charset, s);
	*out = s.p ? unicode_casefold(a, s) : s;
	if (!out->p && s.n)
		return fail(r, SEARCH_NO_MEMORY);
	return true;
}

/* The entry that may stand before the number names one flag: ours have one number for all. */
static bool read_modseq(struct parser *p, uint64_t *out)
{
	struct str entry, type;
	if (!parse_sp(p))
		return false;
	if (parse_string(p, &entry) && (!parse_sp(p) || !parse_atom(p, &type) || !parse_sp(p)))
		return false;
	return parse_number64(p, out);
}

static bool read_argument(struct reader *r, enum argument arg, struct search_key *k)
{
	struct parser *p = r->p;
	switch (arg) {
	case ARG_NONE:
		return true;
	case ARG_TEXT:
		return read_text(r, &k->text);
	case ARG_HEADER:
		return parse_sp(p) && parse_astring(p, &k->name) && read_text(r, &k->text);
	case ARG_DATE:
		return parse_sp(p) && parse_date(p, &k->days);
	case ARG_SECONDS:
		return parse_sp(p) && parse_number64(p, &k->size) && k->size > 0 &&
		       k->size <= UINT32_MAX;
	case ARG_SIZE:
		return parse_sp(p) && parse_number64(p, &k->size);
	case ARG_SET:
		return parse_sp(p) && parse_set(p, &k->set);
	case ARG_MODSEQ:
		return read_modseq(p, &k->size);
	case ARG_ATOM:
		return parse_sp(p) && parse_atom(p, &k->text);
	}
	return false;
}

static struct search_key *read_key(struct reader *r);

/* Keys with blanks between them, up to what can't be one. */
static struct search_key *read_keys(struct reader *r)
{
	struct search_key *all = new_key(r, KEY_AND), **end = all ? &all->child : NULL;
	while (end) {
		struct search_key *k = read_key(r);
		if (!k)
			return NULL;
		*end = k;
		end = &k->next;
		if (k->cost > all->cost)
			all->cost = k->cost;
		if (r->p->rest.n == 0 || r->p->rest.p[0] == ')' || !parse_sp(r->p))
			break;
		if (r->p->rest.n == 0)
			break;
	}
	return all;
}

static struct search_key *read_word(struct reader *r, struct str word)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!str_iis(word, words[i].name))
			continue;
		struct search_key *k = new_key(r, words[i].kind);
		if (!k)
			return NULL;
		k->flags = words[i].flags;
		k->negate = words[i].negate;
		k->cost = words[i].cost;
		k->name = str_of(words[i].field);
		return read_argument(r, words[i].arg, k) ? k : fail(r, SEARCH_SYNTAX);
	}
	return fail(r, SEARCH_SYNTAX);
}

static struct search_key *read_or(struct reader *r)
{
	struct search_key *k = new_key(r, KEY_OR);
	if (!k || !parse_sp(r->p) || !(k->child = read_key(r)) || !parse_sp(r->p) ||
	    !(k->child->next = read_key(r)))
		return fail(r, SEARCH_SYNTAX);
	k->cost = k->child->cost > k->child->next->cost ? k->child->cost : k->child->next->cost;
	return k;
}

/* NEW is two keys. */
static struct search_key *read_new(struct reader *r)
{
	struct search_key *k = new_key(r, KEY_AND);
	if (!k || !(k->child = new_key(r, KEY_RECENT)) || !(k->child->next = new_key(r, KEY_FLAGS)))
		return NULL;
	k->child->next->flags = MAILDIR_SEEN;
	k->child->next->negate = true;
	return k;
}

static struct search_key *read_not(struct reader *r)
{
	struct search_key *k = parse_sp(r->p) ? read_key(r) : NULL;
	if (!k)
		return fail(r, SEARCH_SYNTAX);
	k->negate = !k->negate;
	return k;
}

static struct search_key *read_group(struct reader *r)
{
	struct search_key *k = read_keys(r);
	return k && parse_char(r->p, ')') ? k : fail(r, SEARCH_SYNTAX);
}

static struct search_key *read_set(struct reader *r)
{
	struct search_key *k = new_key(r, KEY_SET);
	return k && parse_set(r->p, &k->set) ? k : fail(r, SEARCH_SYNTAX);
}

static struct search_key *read_key(struct reader *r)
{
	struct search_key *k;
	struct str word;
	unsigned char c = r->p->rest.n ? (unsigned char)r->p->rest.p[0] : 0;
	if (++r->depth > SEARCH_DEPTH_MAX)
		return fail(r, SEARCH_TOO_COMPLEX);
	if (parse_char(r->p, '('))
		k = read_group(r);
	else if (ascii_digit(c) || c == '*' || c == '$')
		k = read_set(r);
	else if (!parse_atom(r->p, &word))
		k = fail(r, SEARCH_SYNTAX);
	else if (str_iis(word, "NOT"))
		k = read_not(r);
	else if (str_iis(word, "OR"))
		k = read_or(r);
	else if (str_iis(word, "NEW"))
		k = read_new(r);
	else
		k = read_word(r, word);
	r->depth--;
	return k;
}

static bool charset_known(struct str name)
{
	struct charset c;
	if (!charset_open(&c, name))
		return false;
	charset_close(&c);
	return true;
}

enum search_error search_parse(
    struct parser *p, struct str charset, bool charset_word, struct search_key **out)
{
	struct reader r = {.p = p, .charset = charset};
	if (charset_word && parse_word(p, "CHARSET")) {
		if (!parse_sp(p) || !parse_astring(p, &r.charset) || !parse_sp(p))
			return SEARCH_SYNTAX;
	}
	if (r.charset.n && !charset_known(r.charset))
		return SEARCH_BAD_CHARSET;
	*out = read_keys(&r);
	if (*out && !parse_end(p))
		return SEARCH_SYNTAX;
	return *out ? SEARCH_OK : r.error ? r.error : SEARCH_SYNTAX;
}

/* Stable: a bucket per cost. */
void search_optimise(struct search_key *k)
{
	struct search_key *head[COST_ALL + 1] = {0}, **tail[COST_ALL + 1];
	if (k->kind != KEY_AND && k->kind != KEY_OR)
		return;
	for (int c = 0; c <= COST_ALL; c++)
		tail[c] = &head[c];
	for (struct search_key *child = k->child, *next; child; child = next) {
		next = child->next;
		child->next = NULL;
		search_optimise(child);
		*tail[child->cost] = child;
		tail[child->cost] = &child->next;
	}
	struct search_key **end = &k->child;
	for (int c = 0; c <= COST_ALL; c++)
		if (head[c]) {
			*end = head[c];
			end = tail[c];
		}
	*end = NULL;
}

bool search_in_text(struct arena *a, struct str hay, struct str needle)
{
	if (needle.n == 0)
		return true;
	/* folding only lowers letters while all is ASCII */
	if (!str_has_8bit(hay))
		return !str_has_8bit(needle) && str_ifind(hay, needle) >= 0;
	struct str folded = unicode_casefold(a, hay);
	return folded.p && str_find(folded, needle) >= 0;
}
