/*
 * What two copies of a message have in common, and how many of them there were lately.
 *
 * The letters of the body count, without case; blanks, digits, punctuation and the header do not:
 * they are what differs from one copy to the next.  The hash is keyed anew in every process, so
 * nobody can make a message that is taken for another one.
 */
#ifndef COURIER_FILTERS_DUPFILTER_HASH_H
#define COURIER_FILTERS_DUPFILTER_HASH_H

#include "base/base.h"

/* The letters of a message, which may come in any pieces; starts zeroed. */
struct dup_letters {
	bool body;
	bool inside; /* a line that is not empty so far */
};
/* Writes at most in.n bytes to out (which may be in.p); how many. */
size_t dup_letters(struct dup_letters *l, struct str in, char *out);

enum { DUP_HASH = 16, DUP_KEY = 32 };
struct dup_hasher;                                                   /* BLAKE2, keyed */
struct dup_hasher *dup_hasher_new(const unsigned char key[DUP_KEY]); /* NULL without memory */
bool dup_hasher_add(struct dup_hasher *h, struct str letters);
bool dup_hasher_end(struct dup_hasher *h, unsigned char out[DUP_HASH]);
void dup_hasher_free(struct dup_hasher *h);

/* The hashes of the last `size` messages. */
struct dup_ring;
struct dup_ring *dup_ring_new(size_t size);
void dup_ring_free(struct dup_ring *r);
/* Adds one; how often it stands in the ring now. */
size_t dup_ring_add(struct dup_ring *r, const unsigned char hash[DUP_HASH]);

#endif
