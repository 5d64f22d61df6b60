/*
 * libs/gate: the way into the queue.  Client of the gate (`submit`), the only program that accepts
 * mail: esmtpd, sendmail, dsn, local's forwards and every other source come through here.
 *
 * A transaction is CONNECT (once a client connection, optional), MAIL, RCPT..., DATA, END; each
 * verb but the data chunks is answered by one SMTP-style reply with an enhanced status code.
 * Replies arrive in the order of the requests of a transaction; many transactions share one edge.
 * The gate answers END only when the scheduler has said that the message is durable.
 */
#ifndef COURIER_GATE_H
#define COURIER_GATE_H

#include "service/service.h"

struct gate_reply {
	uint16_t code;       /* 250, 451, 550, ... */
	struct str enhanced; /* "2.1.0"; empty: none */
	struct str text;     /* may have several lines, separated by LF */
	struct str id;       /* END only: the queue id on success */
};

struct gate_client;
/*
 * The async face, for service roles (a standing edge to some gate process).  Requests made while
 * the edge is not up yet wait, at most GATE_WAIT_MS; when the edge breaks, everything outstanding
 * is answered with a temporary failure, the message at hand is lost, and the transaction object
 * goes on with the next MAIL over the next edge.  Callbacks never run inside the call that asks.
 */
enum { GATE_WAIT_MS = 30000 };
struct gate_client *gate_client_new(struct service *s);
void gate_client_free(struct gate_client *g);

struct gate_txn; /* one client session: may carry several messages one after the other */
typedef void (*gate_answer)(void *ctx, const struct gate_reply *r);

/* What the gate knows of a client that has just connected, out of smtpaccess, vhosts, settings. */
struct gate_policy {
	bool deny;  /* refuse with code/text of `reply` */
	bool relay; /* RELAYCLIENT is set */
	struct gate_reply reply;
	struct str greeting; /* the host name to greet with */
	uint64_t size_limit; /* 0: none */
	uint32_t max_rcpts;
	struct str env; /* NAME=value lines, all of the client's environment */
};
typedef void (*gate_connected)(void *ctx, const struct gate_policy *p);

struct gate_origin {                                 /* all strings copied */
	const char *source;                          /* "esmtp", "local", "dsn", "uucp" */
	const char *service;                         /* "smtp", "submission", "smtps" or NULL */
	struct str remote_ip, remote_host, local_ip; /* empty when not from the network */
	uint32_t remote_port, local_port;
	struct str sender_id; /* who submits: "uid 1000 (alice)" */
	struct str vhost;     /* a program's: whose settings NAME.VHOST count; empty: nobody's */
	/* NAME=value lines the client's messages are treated by, below what the access table says:
	 * NOADDDATE, NOADDMSGID, NOADDRREWRITE, MIME, SIZELIMIT, BLOCK.  RELAYCLIENT and what is
	 * below only from those who may speak for the network. */
	struct str env;
	struct str from_mta; /* "dns; helo (host [ip])": where a program says it has it from */
	struct str label;    /* recorded as the source in place of the module's name */
};
struct gate_txn *gate_open(
    struct gate_client *g, const struct gate_origin *o, gate_connected cb, void *ctx);
/* The client's name, when it was looked up beside its first commands. */
void gate_name(struct gate_txn *t, struct str host);
void gate_close(struct gate_txn *t); /* drops an unfinished message; no more callbacks */

struct gate_mail {
	struct str sender; /* without <>; empty: null sender */
	struct str helo;
	struct str login; /* only from who may speak for the network; esmtpd: gate_auth */
	const char *with; /* "ESMTP", "ESMTPSA", "UTF8SMTPS", "local", ...: the Received word */
	struct str tls;   /* "TLSv1.3 TLS_AES_256_GCM_SHA384 256 bits" or empty */
	struct str envid; /* decoded */
	char ret;         /* 'F', 'H' or 0 */
	bool body8, smtputf8, verp;
	bool exdata; /* END may be answered with 558: one reply for each accepted RCPT, in order */
	uint64_t size;       /* announced, 0: unknown */
	uint32_t hold;       /* seconds before the first attempt, and one; 0: submitdelay */
	struct str security; /* "STARTTLS": at every hop, or it bounces; empty: as it comes */
	bool binary;         /* the text comes as it is, CRLFs too (BODY=BINARYMIME) */
	bool requiretls;     /* RFC 8689: verified TLS at every hop, or it bounces */
	int64_t release;     /* epoch seconds, not before then (RFC 4865); 0: at once */
	int64_t by;          /* epoch seconds (RFC 2852) */
	char by_mode;        /* 'R' return it after that, 'N' tell the sender; 0: no time was set */
	bool by_trace;
	struct str idempotency; /* dsn: "ID/ROUND"; the same key twice gives one message */
};
struct gate_rcpt {
	struct str address; /* without <> */
	struct str orcpt;   /* decoded "type;address" or empty */
	uint8_t notify;     /* GATE_NOTIFY_* */
};
enum {
	GATE_NOTIFY_DEFAULT = 0,
	GATE_NOTIFY_SUCCESS = 1,
	GATE_NOTIFY_FAILURE = 2,
	GATE_NOTIFY_DELAY = 4,
	GATE_NOTIFY_NEVER = 8
};

void gate_mail(struct gate_txn *t, const struct gate_mail *m, gate_answer cb, void *ctx);
void gate_rcpt(struct gate_txn *t, const struct gate_rcpt *r, gate_answer cb, void *ctx);
/*
 * The client has logged in: ticket is authdaemond's, mechanism a word for Received.  From the
 * answer 2xx on everything in this transaction is that account's.  An empty ticket forgets the
 * login.  When the gate that knew it is gone, MAIL is answered with 421: the client must log in
 * again.
 */
void gate_auth(
    struct gate_txn *t, struct str ticket, struct str mechanism, gate_answer cb, void *ctx);
void gate_vrfy(struct gate_txn *t, struct str address, bool expand, gate_answer cb, void *ctx);
/* Body with LF line ends, dots unstuffed; also after a RCPT reply that is still under way.  When it
 * returns false the edge is congested: wait for writable() before sending more (what was given is
 * kept). */
bool gate_data(struct gate_txn *t, struct str chunk, void (*writable)(void *ctx), void *ctx);
/* The end of the data. */
void gate_end(struct gate_txn *t, gate_answer cb, void *ctx);
void gate_reset(struct gate_txn *t); /* forget the message at hand (RSET) */

/* The blocking face, for command-line programs: over the gate's submission socket (var/run/submit),
 * where the kernel tells the gate who calls.  NULL with errno: not running (use the drop folder).
 */
struct gate_sync;
struct gate_sync *gate_sync_open(const struct instance *in, const struct gate_origin *o);
/* The same, also for a client that is denied; *p is valid until the next call. */
struct gate_sync *gate_sync_open_policy(
    const struct instance *in, const struct gate_origin *o, struct gate_policy *p);
void gate_sync_close(struct gate_sync *g);
/* 0 with *r filled (valid until the next call), -1 when the gate is gone. */
int gate_sync_mail(struct gate_sync *g, const struct gate_mail *m, struct gate_reply *r);
int gate_sync_rcpt(struct gate_sync *g, const struct gate_rcpt *rcpt, struct gate_reply *r);
int gate_sync_data(struct gate_sync *g, struct str chunk);
int gate_sync_end(struct gate_sync *g, struct gate_reply *r);
/* VRFY or EXPN: what an address would become. */
int gate_sync_vrfy(struct gate_sync *g, struct str address, bool expand, struct gate_reply *r);
/* Forgets the message at hand (RSET). */
int gate_sync_reset(struct gate_sync *g);

#endif
