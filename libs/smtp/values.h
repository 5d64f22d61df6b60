/*
 * Values of parameters that have a grammar of their own.  Pure.
 */
#ifndef COURIER_SMTP_VALUES_H
#define COURIER_SMTP_VALUES_H

#include "base/base.h"

/* RFC 2852, section 4: BY=600;R, BY=-120;NT.  At most nine digits. */
struct smtp_by {
	int64_t seconds; /* from now; may be past in mode N */
	char mode;       /* 'N' tell the sender, 'R' return the message; 0: not asked for */
	bool trace;
};
bool smtp_by_parse(struct str s, struct smtp_by *out);

/* RFC 3339 as HOLDUNTIL has it: 2026-03-01T08:00:00Z, fractions and offsets allowed. */
bool smtp_time_parse(struct str s, int64_t *epoch);
enum { SMTP_TIME_SIZE = 24 };
void smtp_time_format(int64_t epoch, char out[SMTP_TIME_SIZE]); /* ...Z */

/*
 * RFC 6533, section 3: the address behind "utf-8;".  Decoding takes the xtext form, \x{HEX} in
 * ASCII, and where utf8 is set the one with UTF-8 in it; what it gives is UTF-8 without control
 * characters.  Encoding writes UTF-8 when utf8 is set, else ASCII.
 */
bool smtp_utf8_addr_decode(struct str s, bool utf8, struct buf *out);
bool smtp_utf8_addr_encode(struct str s, bool utf8, struct buf *out);

#endif
