#include "config.h"

#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>

static char empty[1];

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.p = empty, .max = max};
}

void buf_free(struct buf *b)
{
	if (b->cap)
		free(b->p);
	buf_init(b, b->max);
}

void buf_clear(struct buf *b)
{
	b->n = 0;
	b->failed = false;
	if (b->cap)
		b->p[0] = 0;
}

void *buf_reserve(struct buf *b, size_t n)
{
	if (b->failed || n > b->max - b->n) {
		b->failed = true;
		return NULL;
	}
	size_t need = b->n + n + 1;
	if (need > b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 64;
		if (cap < need)
			cap = need;
		char *p = realloc(b->cap ? b->p : NULL, cap);
		if (!p) {
			mem_refused();
			b->failed = true;
			return NULL;
		}
		b->p = p;
		b->cap = cap;
	}
	return b->p + b->n;
}

bool buf_add(struct buf *b, const void *p, size_t n)
{
	char *to = buf_reserve(b, n);
	if (!to)
		return false;
	if (n)
		memcpy(to, p, n);
	b->n += n;
	b->p[b->n] = 0;
	return true;
}

bool buf_adds(struct buf *b, struct str s)
{
	return buf_add(b, s.p, s.n);
}

bool buf_addz(struct buf *b, const char *z)
{
	return buf_add(b, z, strlen(z));
}

bool buf_addc(struct buf *b, char c)
{
	if (b->n + 1 < b->cap && b->n < b->max && !b->failed) {
		b->p[b->n++] = c;
		b->p[b->n] = 0;
		return true;
	}
	return buf_add(b, &c, 1);
}

bool buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	char *to = n < 0 ? NULL : buf_reserve(b, (size_t)n);
	if (to) {
		vsnprintf(to, (size_t)n + 1, fmt, again);
		b->n += (size_t)n;
	}
	va_end(again);
	return to != NULL;
}

bool buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	bool ok = buf_vaddf(b, fmt, ap);
	va_end(ap);
	return ok;
}

void buf_cut(struct buf *b, size_t n)
{
	if (n >= b->n) {
		b->n = 0;
	} else {
		memmove(b->p, b->p + n, b->n - n);
		b->n -= n;
	}
	if (b->cap)
		b->p[b->n] = 0;
}
