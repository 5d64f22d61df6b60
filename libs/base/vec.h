/*
 * Typed growable arrays:  VEC(struct rcpt) rcpts = {0};  vec_push(&rcpts, r);  rcpts.v[i], rcpts.n
 * vec_push uses mem_grow (the process may die of memory): not for supervisor or scheduler, which
 * use vec_try.  The element type must be movable by memcpy.
 */
#ifndef COURIER_BASE_VEC_H
#define COURIER_BASE_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#define VEC(type)           \
	struct {            \
		type *v;    \
		size_t n;   \
		size_t cap; \
	}

void *vec_grow_(void *v, size_t *cap, size_t size);     /* dies without memory */
void *vec_try_grow_(void *v, size_t *cap, size_t size); /* NULL without memory, v untouched */

#define vec_push(a, item)                                                      \
	do {                                                                   \
		if ((a)->n == (a)->cap)                                        \
			(a)->v = vec_grow_((a)->v, &(a)->cap, sizeof *(a)->v); \
		(a)->v[(a)->n++] = (item);                                     \
	} while (0)
#define vec_room(a) /* true when one more element fits, growing if need be */ \
	((a)->n < (a)->cap || vec_room_((void **)&(a)->v, &(a)->cap, sizeof *(a)->v))
#define vec_remove(a, i) /* order kept */                                                    \
	(memmove((a)->v + (i), (a)->v + (i) + 1, ((a)->n - (size_t)(i)-1) * sizeof *(a)->v), \
	    (a)->n--)
#define vec_free(a) (free((a)->v), (a)->v = NULL, (a)->n = (a)->cap = 0)

bool vec_room_(void **v, size_t *cap, size_t size);

#endif
