/* What SORT and THREAD compare messages by (RFC 5256). */
#ifndef COURIER_IMAPD_SORT_H
#define COURIER_IMAPD_SORT_H

#include "imapd/search-match.h"

enum sort_key {
	SORT_ARRIVAL,
	SORT_CC,
	SORT_DATE,
	SORT_FROM,
	SORT_SIZE,
	SORT_SUBJECT,
	SORT_TO,
	SORT_KINDS
};

struct sort_facts {
	uint32_t index;
	bool reply; /* the subject had Re: or the like */
	int64_t date, arrival;
	uint64_t size;
	struct str subject, from, to, cc; /* folded */
	struct str id, references;        /* for THREAD: the fields as they stand */
};

/* Facts of the messages, in the command's arena; NULL: reply made. */
struct sort_facts *sort_gather(
    struct session *s, const struct picked *set, unsigned wanted, bool references);

#endif
