/*
 * libs/queue: the envelope of a queued message and its one text form, the control file.
 *
 * A control file is a run of lines, one record each: a letter, a value, LF.  The letters are those
 * of the original, so that filters and people can read it; ours, which the original did not have,
 * are marked (+).  Values stand as they are; control bytes, which could break a line, become '?'
 *(TAB a blank): the gate refuses addresses that have any.  The fields of h and H are in
 *field_encode form. Records are only ever appended: what is known of a recipient is what its last
 *records say.  The same text stands in the journal (see journal.h).
 *
 *	s sender             V                    verp wanted
 *	f type; text         U level              the SECURITY keyword, "STARTTLS"
 *	e envid              M queue id
 *	t F|H                i login              L seconds  delay of the first attempt
 *	r address            R type;address       N letters of S F D N        (one of each, in
 *order) h module TAB host TAB address             (+) the route of the recipient before it g hex
 *(+) generation of the routes          O NAME=value v vhost key          u source             8, m
 *8-bit body, headers  6 (+) SMTPUTF8 B bytes              (+) size of the body o uid   (+) who
 *submitted it a seconds (+) arrival                     E expiry  W time of the delayed report   w
 *it was sent A next attempt       C time: a round of attempts ended         X reason: cancelled In
 *P|C|S|R text      peer, connection error, command sent, reply line of recipient n Sn time [r|l] Fn
 *time  Dn time     success (relayed to a host without DSN, local), failure, deferral; (+) status
 *code as a last word; kn D TAB PLACE  (+) n stands there, not synced; "kn": now it is.  Yn (+)
 *final state of n was reported      Z token (+) a report is done K token TAB id (+) the report
 *`token` was submitted as message id
 *
 *	1 R|N (+) REQUIRETLS, TLS-Required: No     2 seconds R|N [T] (+) deliver by (RFC 2852)
 *	3 seconds (+) no attempt before then (RFC 4865)
 *
 * Everything here is pure: bytes in, structure out.
 */
#ifndef COURIER_QUEUE_ENVELOPE_H
#define COURIER_QUEUE_ENVELOPE_H

#include "base/base.h"

/*
 * Queue ids: "SSSSSSSSSSSSSSSS.TTTTTTTTTTTTTTTT.WWWWWWWW" in upper-case hex: a number that is never
 * used again, microseconds since the epoch, and the slot of the worker that made it.
 */
enum { QUEUE_ID_LEN = 42, QUEUE_ID_SIZE = 43 };
struct queue_id {
	uint64_t seq, us;
	uint32_t slot;
};
void queue_id_format(const struct queue_id *id, char out[QUEUE_ID_SIZE]);
bool queue_id_parse(struct str s, struct queue_id *out);

/* Same bits as GATE_NOTIFY_*. */
enum {
	NOTIFY_DEFAULT = 0,
	NOTIFY_SUCCESS = 1,
	NOTIFY_FAILURE = 2,
	NOTIFY_DELAY = 4,
	NOTIFY_NEVER = 8
};

enum rcpt_state { RCPT_PENDING, RCPT_DEFERRED, RCPT_DELIVERED, RCPT_RELAYED, RCPT_FAILED };
static inline bool rcpt_final(enum rcpt_state s)
{
	return s >= RCPT_DELIVERED;
}

struct envelope_rcpt {
	struct str address; /* canonical */
	struct str orcpt;   /* "type;address" or empty */
	uint8_t notify;     /* NOTIFY_* */
	/* The route; module empty: not known, the scheduler will ask the gate. */
	struct str module, host, to;
	/* What has become of it (nothing yet in a fresh submission). */
	enum rcpt_state state;
	bool
	    local; /* delivered here, or relayed to a host that takes over DSN duties is !relayed */
	bool reported;
	/* Where a delivery stands that is not known to be on the disk, in the module's words;
	 * empty: nothing is owed.  doubt: a sync has failed since. */
	struct str place;
	bool doubt;
	int64_t when;                        /* of the last result */
	struct str status;                   /* "5.1.1" or empty */
	struct str peer, error, sent, reply; /* last attempt: P C S R; reply may hold LFs */
};

struct envelope_key { /* a K record */
	struct str token, id;
};

struct envelope {
	struct queue_id id;
	struct str sender;          /* without <>; empty: null sender */
	struct str envid, from_mta; /* from_mta: "dns; helo (host [ip])" */
	struct str login, source, vhost, security;
	char ret; /* 'F', 'H', 0 */
	bool verp, body8, headers8, smtputf8;
	bool track;   /* what becomes of its recipients goes into the delivery track */
	uint32_t uid; /* of the submitter; mailq and cancelmsg go by it */
	uint64_t size;
	int64_t arrival;      /* epoch seconds; 0: the scheduler fills it in, here and below */
	int64_t expiry, warn; /* epoch seconds; warn -1: never */
	int64_t delay;        /* of the first attempt, seconds; -1: the setting submitdelay */
	int64_t release;      /* no attempt before then (RFC 4865); 0: at once */
	int64_t by;           /* RFC 2852; epoch seconds */
	char by_mode;         /* 'R' return it then, 'N' tell the sender; 0: nothing of the kind */
	bool by_trace;
	char tls; /* 'R' REQUIRETLS, 'N' "TLS-Required: No" (RFC 8689); 0: as settings say */
	uint64_t generation; /* of the routes; 0: none */
	/* Commit only: records (whole lines) that filters have added to the control file. */
	struct str added;
	/* Commit only: what makes a second submission of the same thing harmless, "ID/TOKEN";
	 * empty: nothing.  Not in the control text. */
	struct str idempotency;
	/* History. */
	bool warned;
	int64_t next;
	uint32_t rounds;      /* C records: the retry schedule counts them */
	uint32_t reports;     /* Z records */
	struct str cancelled; /* reason; .p NULL: not cancelled */
	struct envelope_rcpt *rcpts;
	size_t n_rcpts;
	struct str *env; /* O records */
	size_t n_env;
	struct envelope_key *keys;
	size_t n_keys;
};

enum {
	ENVELOPE_TEXT_MAX = 8 * 1024 * 1024,
	ENVELOPE_RCPTS_MAX = 65536,
	ENVELOPE_LINE_MAX = 64 * 1024
};

void envelope_init(struct envelope *e); /* all empty; delay -1 */
/* Adds the records of a fresh envelope (no results but those in `added`).  false: out is full or
 * without memory. */
bool envelope_encode(const struct envelope *e, struct buf *out);
/*
 * Reads a control text; strings are views into it or copies in the arena (both must live as long as
 * *e).  Unknown letters are ignored: filters and later releases may add some.  An incomplete last
 * line is ignored (a torn append).  -1 with *why (static text) when it is not a control file, a
 * recipient number is out of range, or there is too much of something.
 */
int envelope_decode(struct str text, struct arena *a, struct envelope *e, const char **why);

/* Further records, to be appended. */
struct envelope_result {
	uint32_t num;
	enum rcpt_state state;
	bool local;
	int64_t when;
	struct str status, peer, error, sent, reply;
};
bool envelope_add_result(struct buf *out, const struct envelope_result *r);
bool envelope_add_round(struct buf *out, int64_t when);                  /* C */
bool envelope_add_next(struct buf *out, int64_t when);                   /* A */
bool envelope_add_warned(struct buf *out);                               /* w */
bool envelope_add_cancel(struct buf *out, struct str reason);            /* X */
bool envelope_add_reported(struct buf *out, uint32_t num);               /* Y */
bool envelope_add_report(struct buf *out, struct str token);             /* Z */
bool envelope_add_key(struct buf *out, struct str token, struct str id); /* K */
bool envelope_add_route(
    struct buf *out, uint32_t num, struct str module, struct str host, struct str to); /* H */
/* place empty: what was owed is on the disk. */
bool envelope_add_place(struct buf *out, uint32_t num, bool doubt, struct str place); /* k */
bool envelope_add_generation(struct buf *out, uint64_t generation);                   /* g */

#endif
