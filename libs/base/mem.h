/*
 * Plain heap memory for processes that may die of its lack (workers, sessions, command-line tools).
 * mem_* never return NULL: they log one line and exit with EX_TEMPFAIL (75), which every caller of
 * such a process treats as "try again".  Supervisor and scheduler use malloc() and check.
 */
#ifndef COURIER_BASE_MEM_H
#define COURIER_BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t n) __attribute__((malloc, returns_nonnull));
void *mem_zero(size_t n) __attribute__((malloc, returns_nonnull)); /* n zeroed bytes */
void *mem_grow(void *p, size_t n) __attribute__((returns_nonnull));
char *mem_strdup(const char *s) __attribute__((malloc, returns_nonnull));
char *mem_strndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
char *mem_printf(const char *fmt, ...)
    __attribute__((malloc, returns_nonnull, format(printf, 1, 2)));
void mem_wipe(void *p, size_t n); /* forgets a secret; never optimised away */

/*
 * How often a buffer, an arena or a map of this process has found no memory.  Bounded things fail
 * alike at their limit and without memory; who must know (a limit is for ever, memory comes back)
 * compares before and after.
 */
unsigned mem_refusals(void);
void mem_refused(void);

#define mem_new(type) ((type *)mem_zero(sizeof(type)))

#endif
