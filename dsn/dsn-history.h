/*
 * What has happened to the recipients of a message: the text that the scheduler hands to the dsn
 * module in module_delivery.extra, and its one encoder and decoder.
 *
 * Lines `name TAB value LF`, values in field_encode form, in this order; lines marked ? are left
 * out when they have nothing to say, `recipient` starts the next recipient:
 *
 *	dsn-history	1          version of this page
 *	round		N          which report about this message: makes "ID/ROUND", the gate's
 *	                           idempotency key, so it must not change when a report is tried
 *again from-mta	TEXT       ? "dns; helo (host [ip])", the message's Received-From-MTA
 *	recipient	NUM        the recipient's number in the message
 *	address		TEXT       its address in the message's envelope (Final-Recipient)
 *	orcpt		TYPE;TEXT  ? decoded, as it came in
 *	action		WORD       failed, delayed, delivered, relayed or expanded
 *	status		X.Y.Z      ? enhanced code; else X.0.0 is made from the action
 *	code		DDD        ? the peer's reply code, when the last word was a peer's
 *	remote		TEXT       ? "mx.example.org [192.0.2.1]"
 *	command		TEXT       ? what had been sent
 *	diagnostic	TEXT       ? the peer's reply (lines parted by LF) or our own words
 *	network-error	1          ? the trouble was to get a connection at all
 *	last-attempt	EPOCH      ?
 *	retry-until	EPOCH      ? delayed only
 *	end                        the last line; text without it has been cut off
 *
 * The scheduler lists a recipient only when dsn_wanted() says so: NOTIFY has been obeyed before.
 */
#ifndef COURIER_DSN_HISTORY_H
#define COURIER_DSN_HISTORY_H

#include "base/base.h"

enum dsn_action { DSN_FAILED, DSN_DELAYED, DSN_DELIVERED, DSN_RELAYED, DSN_EXPANDED };

/* Limits of a history; a recipient's texts beyond DSN_TEXT_MAX are cut by the encoder. */
enum {
	DSN_RECIPIENTS_MAX = 10000,
	DSN_TEXT_MAX = 1024,
	DSN_HISTORY_MAX = 16 * 1024 * 1024,
};

struct dsn_recipient {
	uint32_t num;
	struct str address, orcpt;
	enum dsn_action action;
	struct str status;
	uint16_t code; /* 0: no peer said anything */
	struct str remote, command, diagnostic;
	bool network_error;
	int64_t last_attempt, retry_until; /* 0: none */
};

struct dsn_history {
	uint64_t round;
	struct str from_mta;
	struct dsn_recipient *recipients;
	size_t n;
};

/*
 * Is a report due?  RFC 3461, 4.1 and 5.2; notify: GATE_NOTIFY_*.  Without a NOTIFY failures and
 * delays are reported.  relayed: success was asked for, and the next host does not know DSN.
 */
bool dsn_wanted(uint8_t notify, enum dsn_action action);

/* head, then each recipient, then end; look at out->failed afterwards. Never die of memory. */
void dsn_history_head(struct buf *out, uint64_t round, struct str from_mta);
void dsn_history_add(struct buf *out, const struct dsn_recipient *r);
void dsn_history_end(struct buf *out);

/* 0, or -1: not a history, or no room in the arena.  Copies everything into the arena. */
int dsn_history_read(struct arena *a, struct str text, struct dsn_history *out);

const char *dsn_action_word(enum dsn_action a);

#endif
