#include "config.h"

#include "base/base.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

static _Noreturn void out_of_memory(size_t n)
{
	log_msg(LOG_LEVEL_FATAL, NULL, "out of memory for %zu bytes, giving up", n);
	_exit(EX_TEMPFAIL);
}

void *mem_alloc(size_t n)
{
	void *p = malloc(n ? n : 1);
	if (!p)
		out_of_memory(n);
	return p;
}

void *mem_zero(size_t n)
{
	void *p = calloc(1, n ? n : 1);
	if (!p)
		out_of_memory(n);
	return p;
}

void *mem_grow(void *old, size_t n)
{
	void *p = realloc(old, n ? n : 1);
	if (!p)
		out_of_memory(n);
	return p;
}

char *mem_strndup(const char *s, size_t n)
{
	char *p = mem_alloc(n + 1);
	if (n) /* the empty string may be NULL */
		memcpy(p, s, n);
	p[n] = 0;
	return p;
}

char *mem_strdup(const char *s)
{
	return mem_strndup(s, strlen(s));
}

char *mem_printf(const char *fmt, ...)
{
	va_list ap;
	char *p = NULL;
	va_start(ap, fmt);
	if (vasprintf(&p, fmt, ap) < 0)
		out_of_memory(0);
	va_end(ap);
	return p;
}

void mem_wipe(void *p, size_t n)
{
	explicit_bzero(p, n);
}

static atomic_uint refusals;

unsigned mem_refusals(void)
{
	return atomic_load_explicit(&refusals, memory_order_relaxed);
}

void mem_refused(void)
{
	atomic_fetch_add_explicit(&refusals, 1, memory_order_relaxed);
}
