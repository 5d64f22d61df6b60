/* SEARCH keys (RFC 3501, 6.4.4).  Parsing is pure. */
#ifndef COURIER_IMAPD_SEARCH_H
#define COURIER_IMAPD_SEARCH_H

#include "imapd/parse.h"

enum search_kind {
	KEY_ALL,
	KEY_FLAGS, /* all of `flags` are set */
	KEY_RECENT,
	KEY_KEYWORD, /* text */
	KEY_SET,     /* sequence numbers */
	KEY_UID,
	KEY_BEFORE,
	KEY_ON,
	KEY_SINCE, /* days, by INTERNALDATE */
	KEY_SENT_BEFORE,
	KEY_SENT_ON,
	KEY_SENT_SINCE,
	KEY_OLDER,
	KEY_YOUNGER, /* seconds (RFC 5032) */
	KEY_SAVED_BEFORE,
	KEY_SAVED_ON,
	KEY_SAVED_SINCE, /* days (RFC 8514) */
	KEY_MODSEQ,      /* size: from that one on (RFC 7162) */
	KEY_HEADER,      /* name, text */
	KEY_LARGER,
	KEY_SMALLER,
	KEY_BODY,
	KEY_TEXT,
	KEY_AND,
	KEY_OR, /* child, child->next, ... */
};

/* What a key must read of a message, cheapest first. */
enum search_cost { COST_NONE, COST_STAT, COST_HEADER, COST_ALL };

enum { SEARCH_DEPTH_MAX = 100, SEARCH_KEYS_MAX = 5000 };

struct search_key {
	struct search_key *next, *child;
	enum search_kind kind;
	enum search_cost cost;
	bool negate;
	unsigned flags;
	struct seqset set;
	int64_t days;
	uint64_t size;
	struct str name;
	struct str text; /* folded UTF-8 */
};

enum search_error {
	SEARCH_OK,
	SEARCH_SYNTAX,
	SEARCH_TOO_COMPLEX,
	SEARCH_BAD_CHARSET,
	SEARCH_NO_MEMORY
};

/* "RETURN (MIN COUNT) " when it is there; false: wrong (RFC 4731, RFC 5182). */
enum search_return {
	RETURN_MIN = 1,
	RETURN_MAX = 2,
	RETURN_ALL = 4,
	RETURN_COUNT = 8,
	RETURN_SAVE = 16,
	RETURN_EXTENDED = 32, /* the word was there */
};
bool search_uses_modseq(const struct search_key *k);
bool search_return_parse(struct parser *p, unsigned *out);
void search_put_saved(struct search_key *k, const struct seqset *saved); /* for every "$" */
/* [CHARSET name] keys, to the end of the command.  charset: one given before (SORT), or empty. */
enum search_error search_parse(
    struct parser *p, struct str charset, bool charset_word, struct search_key **out);
void search_optimise(struct search_key *k); /* cheap keys first */
/* True when the folded text has the folded needle in it; hay: UTF-8, not folded. */
bool search_in_text(struct arena *a, struct str hay, struct str needle);

#endif
