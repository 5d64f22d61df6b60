/*
 * The text of a delivery status notification (RFC 3461, 3464, 6522; RFC 6533 when UTF-8 is needed).
 * Pure: everything it says is in its input; nothing that came from outside can add a header, a
 * field or a part.
 */
#ifndef COURIER_DSN_COMPOSE_H
#define COURIER_DSN_COMPOSE_H

#include "dsn/dsn-history.h"

/* The texts of etc/dsn*.txt, as they stand there. */
struct dsn_templates {
	struct str header; /* header of the first part, empty line, text; [#ME#], [#FROMTIME#],
			      [#FROMMTA#] are replaced */
	struct str failed, delayed, relayed, delivered, footer;
	struct str subject_notice, subject_warn; /* one line */
};

struct dsn_report {
	const struct dsn_templates *templates;
	const struct dsn_history *history;
	struct str me;     /* our name */
	struct str domain; /* of our own postmaster; empty: me */
	struct str from;   /* body of From; empty: postmaster at me */
	struct str to;     /* the envelope recipient, for To */
	struct str sender, envid;
	int64_t arrived, now;  /* epoch seconds */
	int64_t by, release;   /* DELIVERBY, FUTURERELEASE; 0: none */
	struct str message_id; /* without <> */
	struct str boundary;   /* letters and digits; must not stand in `original` */
	struct str original;   /* the whole message or its header, LF line ends */
	bool full;             /* `original` is the whole message */
};

enum { DSN_REPORT_MAX = 64 * 1024 * 1024 };

struct dsn_facts {
	bool utf8;  /* addresses or headers beyond ASCII: SMTPUTF8 is needed, message/global used */
	bool body8; /* 8-bit bytes are in it */
};

/* Adds the message (LF line ends) to out.  0; -1 when it does not fit or the boundary will not do.
 */
int dsn_compose(const struct dsn_report *r, struct buf *out, struct dsn_facts *facts);

/* Is the message itself returned, or its header?  RFC 3461, 4.3 and 6.2: only failures return it.
 */
bool dsn_return_full(const struct dsn_history *h, char ret, uint64_t size, uint64_t limit);
bool dsn_has(const struct dsn_history *h, enum dsn_action a);

#endif
