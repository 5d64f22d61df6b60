/*
 * The checks of a sender that ask the DNS, for the transaction at hand.
 *
 * MAIL: the mail hosts of the sender's domain, the client's HELO name, SPF of both; all are asked
 * at once, and when the last answer is there one decision follows.  SPF of the From field is asked
 * when the header is complete, and the message is held in memory as long.
 */
#ifndef COURIER_SUBMIT_SENDER_CHECK_H
#define COURIER_SUBMIT_SENDER_CHECK_H

#include "submit/bofh.h"

struct transaction;

/* In a message: what SPF said, for Received-SPF and for later checks. */
struct spf_notes {
	bool there[BOFH_IDENTITIES];
	enum spf_result result[BOFH_IDENTITIES];
	struct str sender[BOFH_IDENTITIES]; /* what was checked */
};

struct sender_check;
/* Answers MAIL, now or later. */
void sender_check_start(struct transaction *t, const struct address *sender);
void sender_check_free(struct sender_check *s); /* NULL is fine */

/* The header is complete.  Perhaps holds the spool until it knows more; then a refusal stands in
 * the message. */
struct from_check;
void from_check_start(struct transaction *t);
/* n more bytes have come while it is under way: when too many of all messages wait, it ends with
 * SPF_TEMPERROR. */
void from_check_more(struct from_check *f, size_t n);
void from_check_free(struct from_check *f);

/* "SPF fail ADDRESS: why" in the message's arena; REPLY_OK: code 0. */
struct gate_reply sender_spf_reply(
    struct transaction *t, enum bofh_spf i, const struct spf_verdict *v);
/* SPF of an identity begins; NULL: no resolver or memory, which counts as SPF_TEMPERROR. */
struct spf_check *sender_spf_new(
    struct transaction *t, enum bofh_spf i, struct str address, spf_done done, void *ctx);
/* Received-SPF fields of the message. */
void sender_spf_fields(const struct transaction *t, struct buf *out);

#endif
