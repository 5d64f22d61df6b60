/*
 * Growable byte buffer with a maximum.
 *
 * Invariants: b.p is never NULL after buf_init and always terminated by a NUL that b.n does not
 * count; b.n never exceeds the maximum.  An addition that would exceed it (or finds no memory)
 * leaves the contents alone and sets b.failed, which stays until buf_clear: so a run of additions
 * needs one check at its end.
 */
#ifndef COURIER_BASE_BUF_H
#define COURIER_BASE_BUF_H

#include <stdarg.h>
#include "base/str.h"

struct buf {
	char *p;
	size_t n, cap, max;
	bool failed;
};

void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b);  /* back to the state after buf_init */
void buf_clear(struct buf *b); /* empty, memory kept */
bool buf_add(struct buf *b, const void *p, size_t n);
bool buf_adds(struct buf *b, struct str s);
bool buf_addz(struct buf *b, const char *z);
bool buf_addc(struct buf *b, char c);
bool buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool buf_vaddf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
void *buf_reserve(struct buf *b, size_t n); /* room for n more bytes at p+n; NULL when too much */
void buf_cut(struct buf *b, size_t n);      /* drops the first n bytes */

static inline struct str buf_str(const struct buf *b)
{
	return (struct str){b->p, b->n};
}

#endif
