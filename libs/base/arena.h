/*
 * Arenas: memory that is freed together, one per message, command or connection.
 *
 * Every arena has its maximum; past it arena_alloc returns NULL, which the caller turns into an
 * ordinary protocol error ("too large").  Memory is aligned for any type and not zeroed unless
 * asked.  An arena is used by one thread.  In sanitized builds each allocation is its own, so that
 * an overrun by one byte is seen.
 */
#ifndef COURIER_BASE_ARENA_H
#define COURIER_BASE_ARENA_H

#include "base/str.h"

struct arena;

struct arena *arena_new(size_t max); /* max: bytes in all; NULL when there is no memory */
void arena_free(struct arena *a);    /* NULL is fine */
void arena_reset(struct arena *a);   /* everything allocated is gone, the arena can be used again */

void *arena_alloc(struct arena *a, size_t n);
void *arena_zero(struct arena *a, size_t n);
char *arena_strz(struct arena *a, struct str s);       /* terminated copy (NUL bytes inside stay) */
struct str arena_str(struct arena *a, struct str s);   /* copy; .p is NULL on failure */
struct str arena_lower(struct arena *a, struct str s); /* the same, ASCII letters lower case */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define arena_new_of(a, type) ((type *)arena_zero((a), sizeof(type)))

#endif
