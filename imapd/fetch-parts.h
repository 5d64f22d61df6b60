/* Parts of a message, decoded. */
#ifndef COURIER_IMAPD_FETCH_PARTS_H
#define COURIER_IMAPD_FETCH_PARTS_H

#include "imapd/fetch.h"
#include "imapd/message.h"

/* Reads what the item needs.  -1 with errno; ENOTSUP: an encoding nobody knows. */
int binary_check(struct message *m, const struct fetch_item *it);

/* After that: what a part is without its encoding.  raw points into the message. */
struct binary {
	bool there, nul;   /* there is such a part; a NUL is in it */
	enum mime_cte cte; /* MIME_7BIT: lines as they are in the file, sent with CRLF */
	struct str raw;
	uint64_t size; /* bytes on the wire */
};
void binary_open(struct message *m, const struct fetch_item *it, struct binary *b);
void binary_put(struct session *s, const struct binary *b, uint64_t skip, uint64_t count);

int preview_add(struct message *m, struct buf *out);

#endif
