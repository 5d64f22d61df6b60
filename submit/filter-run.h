/*
 * Filters between a complete message and its commit; see ARCHITECTURE, "Filters before a message is
 * accepted".  Private to the gate's transactions.
 */
#ifndef COURIER_SUBMIT_FILTER_RUN_H
#define COURIER_SUBMIT_FILTER_RUN_H

#include "submit/filter-files.h"
#include "submit/transaction.h"

/* A RCPT that was answered with 250. */
struct accepted {
	size_t rcpt;     /* index of its recipient; SIZE_MAX: a list */
	bool content;    /* its owner's filter wants to see the message */
	bool refused;    /* and has refused it: */
	struct str name; /* account */
	struct str ext;  /* of the address */
	struct gate_reply result;
};

/* Whether the source of a transaction is one that is filtered (enablefiltering). */
bool filtered_source(const struct transaction *t);

/* Takes over from judge_message: filters, commits, answers END. */
void filtering_start(struct transaction *t, const struct message_facts *f, bool marked);
void filtering_free(struct filtering *f); /* no more callbacks */

/* filter-rcpt.c.  Whitelisting is agreed upon by all recipients of a message: false, and the 412 is
 * answered, when this one does not fit. */
bool whitelist_agrees(struct transaction *t, bool white);
/* A recipient that no filter of its owner looks at. */
bool filter_plain(struct transaction *t);
/* Asks the filter; later, or from inside, done(t, white, content), unless it was refused (answered
 * then).  account BROKER_ALIAS_FILTER: ext is the address. */
typedef void (*rcpt_filtered)(struct transaction *t, bool white, bool content);
void filter_rcpt(struct transaction *t, struct str account, struct str ext, rcpt_filtered done);
void rcpt_filter_cancel(struct rcpt_filter *r);
/* The environment that filters of mailboxes see, NAME=value lines. */
bool filter_environment(const struct transaction *t, struct buf *out);

/* What the broker would take; it drops who sends more. */
bool filter_call_ok(const struct transaction *t, struct str account, struct str ext);

/* filter-content.c: done(ctx) when all smtpfilters have answered; refusals stand in the message's
 * list. */
struct filter_content;
struct filter_content *filter_content_new(struct transaction *t, const struct filter_files *files,
    void (*done)(void *ctx), void *ctx); /* NULL: no memory */
void filter_content_free(struct filter_content *c);
bool filter_content_wanted(const struct message *m);

#endif
