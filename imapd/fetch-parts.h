/* Parts of a message, decoded. */
#ifndef COURIER_IMAPD_FETCH_PARTS_H
#define COURIER_IMAPD_FETCH_PARTS_H

#include "imapd/fetch.h"
#include "imapd/message.h"

/* Reads what the item needs.  -1: ENOTSUP: an encoding nobody knows; EFBIG: too large to decode. */
int binary_check(struct message *m, const struct fetch_item *it);
/* After that: *plain, text with lines as they are in the file, or (when .p is NULL) the bytes in
 * out, which the caller frees in any case.  *there: such a part exists. */
int binary_get(struct message *m, const struct fetch_item *it, struct buf *out, struct str *plain,
    bool *there);
int preview_add(struct message *m, struct buf *out);

#endif
