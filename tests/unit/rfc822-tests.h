/* Tests of libs/rfc822, one group per source. */
#ifndef COURIER_TESTS_RFC822_H
#define COURIER_TESTS_RFC822_H

#include "rfc822/rfc822.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

int rfc822_path_tests(void);
int rfc822_text_tests(void);
int rfc822_verp_tests(void);

#define assert_str(s, z) assert_string_equal(text_of(s), z)
static inline const char *text_of(struct str s) /* valid until the fourth call after it */
{
	static char texts[4][4096];
	static unsigned at;
	char *p = texts[at++ % 4];
	assert_true(s.n < sizeof texts[0]);
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = 0;
	return p;
}

/* Input in memory of exactly its size, so that sanitizers see a read past its end. */
static inline struct str exact(struct arena *a, const char *z)
{
	struct str s = str_of(z);
	char *p = arena_alloc(a, s.n ? s.n : 1);
	if (s.n)
		memcpy(p, s.p, s.n);
	return str_at(p, s.n);
}

#endif
