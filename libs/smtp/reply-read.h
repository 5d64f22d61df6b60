/*
 * Reading replies of a server that is not trusted (RFC 5321, 4.2): line, lines and kept text are
 * bounded, and nothing but printable text survives.
 */
#ifndef COURIER_SMTP_REPLY_READ_H
#define COURIER_SMTP_REPLY_READ_H

#include "base/base.h"

enum {
	REPLY_LINE_MAX = 2048,  /* octets of a line with its end */
	REPLY_LINES_MAX = 1000, /* of one reply; who says more is not heard */
	REPLY_TEXT_MAX = 4096,  /* kept of all its lines; the rest is dropped */
	REPLY_MULTI = 558,      /* results of recipients (Courier's XEXDATA): all lines are kept */
	REPLY_MULTI_TEXT_MAX = 512 * 1024,
};

struct reply {
	uint16_t code;
	unsigned lines;
	struct buf text; /* without codes, lines parted by LF, control bytes made blanks */
	bool whole;
};

enum reply_state { REPLY_MORE, REPLY_READY, REPLY_BROKEN };

void reply_init(struct reply *r);
void reply_free(struct reply *r);
/*
 * Takes lines off `in`; *used bytes are understood.  READY: one whole reply is in r; the next call
 * begins a new one.  BROKEN: what came is no SMTP, or past a limit; nothing more can be read.
 */
enum reply_state reply_feed(struct reply *r, struct str in, size_t *used);
/*
 * The text of a REPLY_MULTI is ordinary replies one after the other, one for each recipient: cuts
 * the next one off *rest, its text goes into `text`.  False: what is left is no whole reply.
 */
bool reply_inner(struct str *rest, uint16_t *code, struct buf *text);

#endif
