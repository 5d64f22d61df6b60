/* What STATUS can tell of a folder (RFC 3501, 6.3.10; RFC 8438).  Parsing is pure. */
#ifndef COURIER_IMAPD_STATUS_H
#define COURIER_IMAPD_STATUS_H

#include "imapd/parse.h"

enum status_item {
	STATUS_MESSAGES = 1,
	STATUS_RECENT = 2,
	STATUS_UIDNEXT = 4,
	STATUS_UIDVALIDITY = 8,
	STATUS_UNSEEN = 16,
	STATUS_DELETED = 32,
	STATUS_SIZE = 64,
	STATUS_APPENDLIMIT = 128,
	STATUS_HIGHESTMODSEQ = 256,
};

/* "(MESSAGES UIDNEXT)" */
bool status_parse(struct parser *p, unsigned *items);
const char *status_item_name(unsigned item); /* of one bit */

#endif
