#include "config.h"

#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Many arenas hold a few strings for as long as a connection lasts: the first chunk is small. */
enum { CHUNK_FIRST = 1024, CHUNK_MIN = 4096, ALIGN = 16 };

struct chunk {
	struct chunk *next;
	size_t size, used;
	_Alignas(ALIGN) char data[];
};

struct arena {
	size_t max, total;
	struct chunk *chunks;
};

struct arena *arena_new(size_t max)
{
	struct arena *a = calloc(1, sizeof *a);
	if (a)
		a->max = max;
	else
		mem_refused();
	return a;
}

static struct chunk *chunk_add(struct arena *a, size_t n)
{
	size_t size = n;
#ifndef COURIER_SANITIZED
	size_t least = a->chunks ? CHUNK_MIN : CHUNK_FIRST;
	if (size < least)
		size = least;
#endif
	struct chunk *c = malloc(sizeof *c + size);
	if (!c) {
		mem_refused();
		return NULL;
	}
	c->size = size;
	c->used = 0;
	c->next = a->chunks;
	a->chunks = c;
	return c;
}

void *arena_alloc(struct arena *a, size_t n)
{
#ifndef COURIER_SANITIZED
	if (n > SIZE_MAX - ALIGN)
		return NULL;
	n = (n + ALIGN - 1) / ALIGN * ALIGN;
#endif
	if (n > a->max - a->total)
		return NULL;
	struct chunk *c = a->chunks;
#ifdef COURIER_SANITIZED
	c = NULL;
#endif
	if (!c || c->size - c->used < n)
		c = chunk_add(a, n);
	if (!c)
		return NULL;
	void *p = c->data + c->used;
	c->used += n;
	a->total += n;
	return p;
}

void *arena_zero(struct arena *a, size_t n)
{
	void *p = arena_alloc(a, n);
	return p ? memset(p, 0, n) : NULL;
}

char *arena_strz(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);
	if (!p)
		return NULL;
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = 0;
	return p;
}

struct str arena_str(struct arena *a, struct str s)
{
	char *p = arena_strz(a, s);
	return p ? str_at(p, s.n) : STR_NONE;
}

struct str arena_lower(struct arena *a, struct str s)
{
	char *p = arena_strz(a, s);
	for (size_t i = 0; p && i < s.n; i++)
		p[i] = (char)ascii_lower((unsigned char)p[i]);
	return p ? str_at(p, s.n) : STR_NONE;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	char *p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
	if (p)
		vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	va_end(ap);
	return p;
}

/* The first chunk stays when it is of the common size: a reset arena costs no malloc. */
void arena_reset(struct arena *a)
{
	struct chunk *keep = NULL;
	while (a->chunks) {
		struct chunk *c = a->chunks;
		a->chunks = c->next;
#ifndef COURIER_SANITIZED
		if (!keep && c->size <= CHUNK_MIN) {
			keep = c;
			continue;
		}
#endif
		free(c);
	}
	if (keep) {
		keep->next = NULL;
		keep->used = 0;
		a->chunks = keep;
	}
	a->total = 0;
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	while (a->chunks) {
		struct chunk *c = a->chunks;
		a->chunks = c->next;
		free(c);
	}
	free(a);
}
