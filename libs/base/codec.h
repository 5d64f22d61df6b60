/*
 * Small encodings used in protocols and our own text records.  (Content transfer encodings of
 * messages are libs/mime's.)
 */
#ifndef COURIER_BASE_CODEC_H
#define COURIER_BASE_CODEC_H

#include "base/buf.h"

/* RFC 4648, section 4.  Encoding adds to out.  Decoding is strict: alphabet, length and padding
 * must be right, no white space; false leaves what was added so far. */
bool base64_encode(struct str in, struct buf *out);
bool base64_decode(struct str in, struct buf *out);

bool hex_encode(struct str in, struct buf *out); /* lower case */
bool hex_decode(struct str in, struct buf *out);

/*
 * The encoder of every text record of ours: fields are separated by TAB, records end with LF.
 * TAB, LF, CR, NUL and backslash inside a field become \t \n \r \0 \\.  Decoding refuses any other
 * escape and any raw separator.
 */
bool field_encode(struct str in, struct buf *out);
bool field_decode(struct str in, struct buf *out);

/* RFC 3461 xtext.  Decoding refuses what the grammar does not allow. */
bool xtext_encode(struct str in, struct buf *out);
bool xtext_decode(struct str in, struct buf *out);

/* For logs and reports: bytes that are not printable become \xHH, a backslash \\; valid UTF-8
 * beyond ASCII stays.  Cut at max bytes with "...". */
bool printable(struct str in, size_t max, struct buf *out);

#endif
