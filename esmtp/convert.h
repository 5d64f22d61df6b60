/* The message for a server without 8BITMIME: its 8-bit parts in quoted-printable or base64. */
#ifndef COURIER_ESMTP_CONVERT_H
#define COURIER_ESMTP_CONVERT_H

#include "esmtp/esmtp.h"

enum { CONVERT_MAX = 64 * 1024 * 1024 }; /* bytes of a message; larger ones go as they are */

/* True with the new text (LF line ends) in out; false: nothing to convert, or it can't be done. */
bool convert_to_7bit(const struct job *j, struct buf *out);

#endif
