/* Matching SEARCH keys against messages of the selected folder. */
#ifndef COURIER_IMAPD_SEARCH_MATCH_H
#define COURIER_IMAPD_SEARCH_MATCH_H

#include "imapd/message.h"
#include "imapd/search.h"

bool search_match(struct message *m, const struct search_key *k);
/* When the message came to this folder (RFC 8514): the time in its file's name, which delivery,
 * APPEND, COPY and MOVE make anew; false: a name without one. */
bool save_date(const struct maildir_msg *msg, int64_t *out);
bool message_date(struct message *m, struct maildate *out); /* the Date field */

/* The messages that match, as 0-based indexes.  False: reply made. */
bool search_run(
    struct session *s, struct parser *p, struct str charset, bool charset_word, struct picked *out);
/* The highest mod-sequence of them; " (MODSEQ n)" when the search asked for it. */
uint64_t found_modseq(const struct session *s, const struct picked *found);
void put_found_modseq(struct session *s, const struct picked *found);
/* The number a command shows for a message: sequence number or UID. */
uint32_t shown_number(const struct session *s, size_t index);

#endif
