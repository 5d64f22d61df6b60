/*
 * A message that comes with BODY=BINARYMIME (RFC 3030): everything but lines.
 *
 * The queue knows lines alone, and so do most hosts: what comes is kept as it is (in memory, a
 * large one in a file of var/tmp without a name) and at its end becomes lines, a slice at a time,
 * which go the way of every other message.  Parts that are binary become base64; a CR or LF that
 * stands alone where nothing can be encoded (a header, between parts, in a signed or already
 * encoded part) makes the message bad, or it could end the message early at some later host.
 */
#ifndef COURIER_SUBMIT_BINARY_H
#define COURIER_SUBMIT_BINARY_H

#include "submit/process.h"
#include "submit/replies.h"
#include "submit/spool.h"

struct binary;
/* take: gets the lines; done: the end, REPLY_OK or why it is refused; both not before binary_end.
 */
struct binary *binary_new(struct gate_process *g, const struct policy *p, uint64_t size_limit,
    void (*take)(void *ctx, struct str bytes), void (*done)(void *ctx, enum reply_id error),
    void *ctx);
void binary_add(struct binary *b, struct str bytes);
void binary_end(struct binary *b);  /* done follows, later */
void binary_free(struct binary *b); /* NULL is fine; no more calls */

#endif
