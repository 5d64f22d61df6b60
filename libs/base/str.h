/*
 * Counted byte strings.  A `struct str` is a view: it owns nothing, may hold any byte including
 * NUL, and is not terminated.  The memory behind it belongs to whoever made it (an arena, a buffer,
 * a literal).  {NULL,0} is the empty string.  No call here allocates.
 */
#ifndef COURIER_BASE_STR_H
#define COURIER_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

#define STR(lit) ((struct str){"" lit, sizeof(lit) - 1}) /* of a string literal */
#define STR_INIT(lit)                   \
	{                               \
		"" lit, sizeof(lit) - 1 \
	}
#define STR_NONE ((struct str){NULL, 0})
/* Its argument is looked at several times. */
#define STR_FMT(s) (int)((s).n > 4096 ? 4096 : (s).n), ((s).p ? (s).p : "") /* for "%.*s" */

static inline struct str str_of(const char *z) /* of a terminated string; NULL gives empty */
{
	return (struct str){z, z ? strlen(z) : 0};
}
static inline struct str str_at(const void *p, size_t n)
{
	return (struct str){p, n};
}
static inline struct str str_range(const char *from, const char *to)
{
	return (struct str){from, (size_t)(to - from)};
}
static inline struct str str_skip(struct str s, size_t n) /* without the first n bytes */
{
	if (n > s.n)
		n = s.n;
	return n ? (struct str){s.p + n, s.n - n} : s; /* no arithmetic on NULL */
}
static inline struct str str_head(struct str s, size_t n) /* the first n bytes at most */
{
	return (struct str){s.p, n < s.n ? n : s.n};
}

bool str_eq(struct str a, struct str b);
bool str_ieq(struct str a, struct str b); /* ASCII letters compare without case */
bool str_is(struct str a, const char *z);
bool str_has_crlf(struct str s);
bool str_iis(struct str a, const char *z);
int str_cmp(struct str a, struct str b); /* bytewise, shorter first */
int str_icmp(struct str a, struct str b);
bool str_starts(struct str s, struct str with);
bool str_istarts(struct str s, struct str with);
bool str_ends(struct str s, struct str with);
bool str_iends(struct str s, struct str with);
struct str str_trim(struct str s); /* without SP, TAB, CR, LF at both ends */

/* Index of the first/last byte c, or -1. */
ptrdiff_t str_chr(struct str s, char c);
ptrdiff_t str_rchr(struct str s, char c);
ptrdiff_t str_find(struct str s, struct str what);
ptrdiff_t str_ifind(struct str s, struct str what);

/* Cuts the piece before `sep` off *rest; false when nothing is left.  "a,,b" gives a, "", b. */
bool str_split(struct str *rest, char sep, struct str *piece);
/* Cuts the next run of bytes that are neither SP nor TAB off *rest; false at the end. */
bool str_word(struct str *rest, struct str *word);

/*
 * Numbers succeed whole or leave *out alone: digits only, no sign (u64), no overflow, no blanks.
 */
bool str_u64(struct str s, uint64_t *out);
bool str_i64(struct str s, int64_t *out); /* one leading '-' or '+' */
bool str_hex64(struct str s, uint64_t *out);

/* ASCII only, independent of any locale. */
static inline unsigned char ascii_lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
}
static inline unsigned char ascii_upper(unsigned char c)
{
	return c >= 'a' && c <= 'z' ? (unsigned char)(c - 32) : c;
}
static inline bool ascii_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}
static inline bool ascii_alpha(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}
static inline bool ascii_alnum(unsigned char c)
{
	return ascii_digit(c) || ascii_alpha(c);
}
static inline bool ascii_space(unsigned char c)
{
	return c == ' ' || (c >= 9 && c <= 13);
}
static inline int hex_digit(unsigned char c) /* value, or -1 */
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
bool str_has_8bit(struct str s);
bool str_has_ctl(struct str s); /* bytes below 0x20, and 0x7f */

#endif
