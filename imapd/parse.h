/*
 * The grammar of IMAP commands (RFC 3501, section 9; RFC 7888; RFC 6855).  Pure: a parser walks
 * over the bytes of one command, in which literals stand as they came ("{3}\r\nabc").  Every call
 * either takes what it names and returns true, or leaves the cursor where it was.
 */
#ifndef COURIER_IMAPD_PARSE_H
#define COURIER_IMAPD_PARSE_H

#include "base/base.h"

struct parser {
	struct str rest;
	struct arena *arena;
};

enum { PARSE_SET_MAX = 10000, PARSE_FLAGS_MAX = 200, PARSE_PART_DEPTH = 100 };

bool parse_char(struct parser *p, char c);
bool parse_sp(struct parser *p);
bool parse_end(struct parser *p);                    /* nothing is left */
bool parse_word(struct parser *p, const char *word); /* without case; an atom's end must follow */
bool parse_tag(struct parser *p, struct str *out);
bool parse_atom(struct parser *p, struct str *out);
struct parse_name {
	const char *name;
	unsigned bit;
};
/* An atom that is one of n names, without case: its bit.  0: another one, or no atom. */
unsigned parse_name(struct parser *p, const struct parse_name *names, size_t n);
bool parse_string(struct parser *p, struct str *out);       /* quoted or literal */
bool parse_astring(struct parser *p, struct str *out);      /* atom (with "]") or string */
bool parse_list_mailbox(struct parser *p, struct str *out); /* astring with % and * */
bool parse_number(struct parser *p, uint32_t *out);
bool parse_number64(struct parser *p, uint64_t *out);

/* "{12}", "{12+}", "~{12}" at the end of a line. */
struct literal {
	uint64_t size;
	bool nonsync, binary;
	size_t at; /* where it starts in the line */
};
bool parse_literal_tail(struct str line, struct literal *out);

/* 0 stands for "*". */
struct set_range {
	uint32_t from, to;
};
struct seqset {
	struct set_range *v;
	size_t n;
	bool saved; /* "$" (RFC 5182), v is empty; or what stands for it: ascending ranges */
};
bool parse_set(struct parser *p, struct seqset *out);
/* max: what "*" stands for */
bool set_has(const struct seqset *s, uint32_t n, uint32_t max);

struct flag_list {
	unsigned flags; /* enum maildir_flag */
	struct str *keywords;
	size_t nkeywords;
	bool recent; /* \Recent was named, which nobody can set */
};
bool parse_flag_list(struct parser *p, struct flag_list *out);  /* "(...)" */
bool parse_flags_bare(struct parser *p, struct flag_list *out); /* with or without parentheses */

/* "17-Jul-1996 02:44:25 -0700", quoted */
bool parse_date_time(struct parser *p, int64_t *out);
/* "1-Feb-1994" with or without quotes: days since the epoch */
bool parse_date(struct parser *p, int64_t *days);
int64_t days_from_civil(int64_t y, unsigned m, unsigned d);
const char *month_name(unsigned month_0); /* "Jan" */

#endif
