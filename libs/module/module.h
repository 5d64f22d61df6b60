/*
 * libs/module: the module side of the edge between scheduler and transport modules.
 *
 * A module (local, esmtp, dsn, uucp, ...) is a service of its own with a file etc/module.NAME.  The
 * scheduler feeds it deliveries: one message, one host, one or more recipients.  The module never
 * sees the queue: it gets the message by descriptor (or inline) and answers each recipient once
 * with a result; the scheduler alone decides what follows (retry, bounce, done).  A module that
 * dies, or that does not answer within its time, has its deliveries deferred.
 *
 * On the wire: libs/ipc frames whose bodies are text, one `name TAB value` line each, values in
 * field_encode form: a module may be written without this library.  libs/module/module-proto.h is
 * the page with every field, and the one encoder and decoder for both sides.
 */
#ifndef COURIER_MODULE_H
#define COURIER_MODULE_H

#include "module/module-claim.h"
#include "service/service.h"

struct module_rcpt {
	uint32_t num;       /* the recipient's number in the message */
	struct str address; /* what to deliver to, in the module's form */
	struct str orcpt;   /* "type;address" or empty */
	uint8_t notify;     /* GATE_NOTIFY_* */
	/* It has been delivered to this place already (module_result), which was never said to be
	 * synced: make sure of it instead of delivering again.  doubt: power may have failed since.
	 */
	struct str place;
	bool doubt;
};

struct module_delivery {
	uint64_t delid;    /* names this delivery */
	struct str id;     /* queue id, for the log */
	struct str sender; /* envelope sender, VERP applied if due */
	struct str host; /* the routing key: a domain, or USER!EXT!UID!GID!HOME!MAILDIR!QUOTA... */
	struct str envid;
	char ret; /* 'F', 'H', 0 */
	bool body8, headers8, smtputf8, verp;
	struct str vhost, login, source;
	struct str security;      /* "STARTTLS" or empty */
	int64_t arrived, expires; /* epoch seconds */
	bool requiretls;          /* REQUIRETLS (RFC 8689) */
	bool tls_optional;        /* "TLS-Required: No": rather in clear than not at all */
	int64_t by;               /* RFC 2852; epoch seconds */
	char by_mode;             /* 'R', 'N' or 0 */
	bool by_trace;
	int64_t release; /* it was held until then (RFC 4865); 0: it was not */
	uint64_t size;   /* bytes of the message, LF line ends */
	const struct module_rcpt *rcpts;
	size_t n_rcpts;
	const char *extra; /* dsn module: the per-recipient history as text; else NULL */
	size_t extra_n;
	bool
	    durable_elsewhere; /* results may name a place: the queue keeps the message meanwhile */
};

/* Reading the message: module_body_read works for inline and descriptor alike, from any offset. */
struct module_body;
ssize_t module_body_read(struct module_body *b, void *p, size_t n, uint64_t at);
struct str module_body_inline(
    const struct module_body *b); /* whole message, or .p NULL: use read */
int module_body_fd(
    struct module_body *b); /* a read-only descriptor positioned at 0 that holds only
			       this message (a copy in memory if need be); the caller closes */

enum module_outcome { MODULE_DELIVERED, MODULE_RELAYED, MODULE_DEFERRED, MODULE_FAILED };

struct module_result {
	enum module_outcome outcome;
	uint16_t code;         /* SMTP reply code of the peer, 0: none */
	struct str status;     /* enhanced code "5.1.1"; empty: from the outcome */
	struct str diagnostic; /* text: the peer's reply (several lines with LF) or our own words */
	struct str remote;     /* "mx.example.org [192.0.2.1]" or empty */
	struct str command;    /* what was sent when it failed; empty: nothing */
	bool peer_dsn;         /* relayed to a host that takes over DSN duties */
	bool untracked;        /* says nothing of the address: the delivery track leaves it out */
	bool no_reports; /* the domain's host refuses the null sender, and takes mail of others */
	bool connection; /* the whole host is unreachable: other messages need not try now */
	/* DELIVERED only, and only if durable_elsewhere: where it stands, not synced yet.
	 * module_synced follows. */
	struct str place;
};

/*
 * The skeleton: a module describes itself and calls module_main from main().  The members edge and
 * drain of the service description stay NULL: the skeleton takes deliveries off the scheduler's
 * edge, and at the end takes no new ones and ends when the last is done.
 */
struct module_desc {
	const char *name;
	struct service_desc
	    service; /* role, components, setup, start, ...; edge/drain are the skeleton's */
	void (*deliver)(
	    struct service *s, struct module_delivery *d, struct module_body *b, void *handle);
	/* May be NULL.  The end begins: what rests is let go of.  Deliveries at hand go on. */
	void (*drain)(struct service *s);
	/* May be NULL.  At the end, without deliveries: is there somebody who must hear goodbye?
	 * Then module_parted() comes when that is over, within seconds. */
	bool (*parting)(struct service *s);
	/* For modules whose file says ASK=1; at once, from memory and tables.  Strings of the
	 * answer live in the arena, in the question, or for ever. */
	void (*claim)(struct service *s, struct arena *a, const struct claim_ask *q,
	    struct claim_answer *out);
};
int module_main(const struct module_desc *desc, int argc, char **argv);
void module_parted(void);

/*
 * Inside deliver() or later.  The delivery and body stay valid until module_done(handle), which
 * must come once for every delivery, also when the scheduler has gone (the skeleton drops the
 * results).
 */
void module_result(void *handle, uint32_t rcpt_num, const struct module_result *r);
void module_done(void *handle); /* recipients without a result count as deferred */

/*
 * What became of places, once their deliveries are done: they are on the disk; nobody knows; or a
 * sync has failed, so that the disk may lack what was written.  The last two come again with their
 * place.
 */
enum module_sync { MODULE_SYNCED, MODULE_UNSURE, MODULE_SYNC_FAILED };
struct module_owed {
	char id[48]; /* queue id */
	uint32_t num;
};
void module_synced(const struct module_owed *v, size_t n, enum module_sync how);

#endif
