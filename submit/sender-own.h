/*
 * Whose address is it?  For AUTH_SENDER: an address belongs to the account that its mail goes to,
 * by itself or as the one member of an alias, and to whom the file authsenders names for it.
 */
#ifndef COURIER_SUBMIT_SENDER_OWN_H
#define COURIER_SUBMIT_SENDER_OWN_H

#include "submit/authsenders.h"
#include "submit/replies.h"

struct transaction;

/* What of this client's mail is bound to its account: BOUND_*; 0 for who has not logged in. */
unsigned sender_bound(const struct transaction *t);

enum { OWN_ADDRESSES_MAX = 10 }; /* in one header */
/* All addresses are the account's: REPLY_OK, else REPLY_NOT_OWNER or a temporary one, and about
 * which.  May come from inside the call. */
typedef void (*own_done)(struct transaction *t, enum reply_id id, struct str address);
void sender_own_start(struct transaction *t, const struct str *addresses, size_t n, own_done done);
void sender_own_cancel(struct transaction *t);

/* MAIL: the sender must be the account's; on with sender_check_start. */
void sender_own_envelope(struct transaction *t);

/* The header is complete: notes whom it speaks for.  At END sender_own_header asks about them;
 * true: the answer comes by transaction_file_there. */
void sender_own_note(struct transaction *t);
bool sender_own_header(struct transaction *t);

#endif
