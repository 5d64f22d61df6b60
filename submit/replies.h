/* Every reply of the gate, in one table: no code is typed twice. */
#ifndef COURIER_SUBMIT_REPLIES_H
#define COURIER_SUBMIT_REPLIES_H

#include "gate/gate.h"

enum reply_id {
	REPLY_OK,
	REPLY_SENDER_OK,
	REPLY_RCPT_OK,
	REPLY_BAD_SEQUENCE,
	REPLY_NO_RECIPIENTS,
	REPLY_SENDER_SYNTAX,
	REPLY_SENDER_DOMAIN,
	REPLY_NEEDS_UTF8,
	REPLY_RCPT_SYNTAX,
	REPLY_RCPT_DOMAIN,
	REPLY_TOO_LONG,
	REPLY_UNKNOWN_USER,
	REPLY_NO_RELAY,
	REPLY_HAS_FAILED,
	REPLY_HAS_WAITED,
	REPLY_TOO_MANY,
	REPLY_DENIED,
	REPLY_TOO_LARGE,
	REPLY_HEADER_LARGE,
	REPLY_LOOP,
	REPLY_HEADER_8BIT,
	REPLY_BODY_8BIT,
	REPLY_BAD_MIME,
	REPLY_COMPLEX,
	REPLY_NOT_ALIAS,
	REPLY_AUTH_DOWN,
	REPLY_TABLE_DOWN,
	REPLY_BROKER_DOWN,
	REPLY_QUEUE_DOWN,
	REPLY_DISK_FULL,
	REPLY_NO_MEMORY,
	REPLY_UNROUTABLE,
	REPLIES,
};

struct gate_reply reply(enum reply_id id);
/* With further words behind the text ("550 5.1.1 User <x> unknown"); text lives in the arena. */
struct gate_reply reply_about(struct arena *a, enum reply_id id, struct str about);

#endif
