#include "config.h"

#include "base/base.h"

void *vec_try_grow_(void *v, size_t *cap, size_t size)
{
	size_t want = *cap ? *cap * 2 : 8;
	void *p = reallocarray(v, want, size);
	if (p)
		*cap = want;
	return p;
}

void *vec_grow_(void *v, size_t *cap, size_t size)
{
	size_t want = *cap ? *cap * 2 : 8, bytes;
	if (__builtin_mul_overflow(want, size, &bytes))
		bytes = SIZE_MAX / 2;
	v = mem_grow(v, bytes);
	*cap = want;
	return v;
}

bool vec_room_(void **v, size_t *cap, size_t size)
{
	void *p = vec_try_grow_(*v, cap, size);
	if (p)
		*v = p;
	return p != NULL;
}
