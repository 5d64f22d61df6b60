/*
 * One client session at the gate and the message at hand in it.
 *
 * The verbs are called in order, each after the one before has been answered; each is answered once
 * through `answer`, perhaps from inside the call.  Where the frames come from (an edge, the drop
 * folder) is the owner's business.
 */
#ifndef COURIER_SUBMIT_TRANSACTION_H
#define COURIER_SUBMIT_TRANSACTION_H

#include "gate/gate-proto.h"
#include "submit/alias-find.h"
#include "submit/resolve.h"
#include "submit/sender-check.h"
#include "submit/spool.h"
#include "submit/binary.h"

struct accepted;
struct client_lists;
enum whitelist { WHITE_UNKNOWN, WHITE_YES, WHITE_NO };

struct message {
	struct arena *arena;
	struct gate_mail mail;   /* .with NULL: see below */
	struct str with, sender; /* sender: canonical */
	bool relay;
	bool track; /* subject to the delivery track */
	VEC(struct envelope_rcpt) rcpts;
	struct map *seen; /* keys of recipients: each mailbox once; value: index + 1 */
	/* Filters: the RCPTs that were accepted, whether they know the sender, what filters have
	 * added to the control file of each part, and that END is answered with their results. */
	VEC(struct accepted) accepted;
	enum whitelist whitelist;
	struct str *added;
	VEC(struct queue_id) part_ids;
	bool split;
	struct queue_id id;
	char id_text[QUEUE_ID_SIZE];
	bool have_id;
	struct spool spool;
	struct binary *binary;   /* BODY=BINARYMIME: collects what will be the spool's; else NULL */
	bool receiving;          /* data has come */
	bool from_checked;       /* from_check_start was called */
	const struct bofh *bofh; /* NULL: not from the network */
	bool trapped;            /* a spamtrap is among the recipients */
	bool tls_optional;       /* its header has "TLS-Required: No" */
	struct spf_notes spf;
	struct str *speaks_for; /* whom the header names as its sender, when that is bound */
	size_t n_speaks_for;
	struct gate_reply refusal; /* code not 0: END's answer, found out before */
	enum reply_id error;       /* found before END, answered there */
	bool judged, marked;       /* END: the decision has been made */
	struct message_facts facts;
};

struct transaction {
	struct gate_process *gate;
	struct policy
	    *policy;      /* held while the session lasts; anew at each MAIL; a virtual host's */
	struct str vhost; /* that a program has asked for (submit -vhost) */
	struct arena *arena;
	struct gate_origin origin;            /* strings in the arena */
	bool from_network, from_program, dsn; /* none: forwarded by local delivery */
	bool proxy, trusted;                  /* trusted: by uid */
	uint32_t uid;                         /* of the submitter */
	struct buf env;                       /* NAME=value lines for the client */
	bool client_relay;
	bool env_good;
	struct client_lists *lists;   /* NULL: none is asked */
	struct policy *lists_policy;  /* whose options they are */
	void (*known)(void *ctx);     /* waits for the lists */
	struct gate_mail_frame *held; /* MAIL that waits for the lists; strings in the arena */
	struct bofh_options options;  /* of env, anew at each MAIL */
	struct str login, mechanism;  /* who has logged in, by authdaemond's word; empty: nobody */
	uint32_t redeeming;           /* a ticket is on its way there */
	struct str bad_helo;     /* the first name that did not stand the check; in the arena */
	struct message *message; /* NULL: between messages */
	void (*answer)(void *ctx, const struct gate_reply *r);
	void *ctx;
	struct from_check *from_check; /* while data comes */
	/* What is under way: at most one of these. */
	struct sender_check *sender_check;
	struct own *own;
	struct resolve *resolve;
	struct alias_find *alias;
	struct gate_rcpt asked; /* the recipient at hand; strings in the message's arena */
	struct address asked_address;
	struct route asked_route;
	struct accepted *asked_accepted; /* in the message's arena */
	struct str asked_members;        /* of an alias whose filter is asked */
	bool asked_alias;                /* an alias leads to it: its owner's filter is not asked */
	bool asked_agreed;               /* whitelisting is settled */
	bool must_be_open;  /* nothing but the module's own word lets this client send there */
	bool asked_percent; /* it was user%dom@here: accepted from everybody */
	struct verify *verify;
	struct rcpt_filter *rcpt_filter;
	struct filtering *filtering;
	struct commit *commit;
	bool ending; /* END waits for the file */
};

/* SOURCE_PROXY: a program that may speak for the network; what it says of the client is all there
 * is. */
enum source_kind { SOURCE_NETWORK, SOURCE_PROXY, SOURCE_PROGRAM, SOURCE_FORWARD, SOURCE_REPORT };

/* origin: strings are copied. */
struct transaction *transaction_new(struct gate_process *g, const struct gate_open_frame *o,
    enum source_kind kind, uint32_t uid, void (*answer)(void *ctx, const struct gate_reply *r),
    void *ctx);
void transaction_free(struct transaction *t); /* no more answers */

/* The policy can be said now; false: known() will be called when it can be. */
bool transaction_known(struct transaction *t, void (*known)(void *ctx));
/* The client's name has been found. */
void transaction_name(struct transaction *t, struct str host);
void transaction_policy(
    struct transaction *t, struct gate_policy *out); /* strings: the transaction's */
/* esmtpd's clients: the account is what authdaemond gives for the ticket. transaction-auth.c */
void transaction_auth(struct transaction *t, struct str ticket, struct str mechanism);
void transaction_forget_login(struct transaction *t);
/* Who has logged in, as far as it can be believed: esmtpd's word for it is its ticket. */
struct str transaction_login(const struct transaction *t, const struct gate_mail *m);
struct str transaction_login_text(const struct transaction *t); /* "MECHANISM name" */
/* Adds what the front end says of its client to env. */
void transaction_add_said(struct transaction *t);
void transaction_mail(struct transaction *t, const struct gate_mail_frame *f);
void transaction_rcpt(struct transaction *t, const struct gate_rcpt *r);
void transaction_vrfy(struct transaction *t, struct str address, bool expand);
void transaction_data(struct transaction *t, struct str bytes); /* no answer */
void transaction_end(struct transaction *t);
void transaction_reset(struct transaction *t); /* no answer */

/* Among transaction-*.c */
void transaction_say(struct transaction *t, enum reply_id id);
void verify_free(struct verify *v);
bool message_add_rcpt(struct message *m, const struct address *a, const struct gate_rcpt *r,
    uint8_t notify, const struct route *route); /* false: no memory */
enum header_verdict transaction_header(void *t, struct str block, bool add_mime, struct buf *out);
/* What NAME says for this client: the access table, else the front end; false: nothing. */
bool transaction_env(const struct transaction *t, const char *name, struct str *value);
void transaction_file_there(void *t);

/* Hands the finished message over; answers END.  commit.c */
void commit_start(struct transaction *t, const struct message_facts *f, bool marked);
void commit_cancel(struct commit *c);
size_t commit_parts(const struct transaction *t); /* queue entries that it will be */
/* The control file of a part as filters see it; false: too much. */
bool commit_control(struct transaction *t, const struct message_facts *f, bool marked, size_t part,
    struct buf *out);
/* END's answer when recipients had filters of their own: 558, with `good` for those that got the
 * message.  Resets the transaction. */
void results_answer(struct transaction *t, const struct gate_reply *good);

#endif
