/*
 * reformime: one file for each thing it does with a message.  The message is read whole, parsed
 * once; everything lives to the end of the program.
 */
#ifndef COURIER_MAILDROP_REFORMIME_H
#define COURIER_MAILDROP_REFORMIME_H

#include "mime/mime.h"
#include "rfc822/rfc822.h"

enum { REFORMIME_INPUT_MAX = 1 << 30, REFORMIME_SECTIONS_MAX = 1000, REFORMIME_TAG_MAX = 1024 };

struct reformime {
	struct arena *arena;
	struct str message;
	struct mime_result mime;
	const char *charset;                  /* -c; NULL: UTF-8 */
	VEC(const struct mime_part *) picked; /* -s, or all parts */
	bool by_name;                         /* -s was given */
};

/* All of them end the program, with a word, when they cannot go on. */
_Noreturn void reformime_fail(const char *what, const char *why);
void reformime_put(struct str s);
/* "1.2.1" */
void reformime_tag(const struct mime_part *p, struct buf *out);
struct str reformime_range(const struct reformime *r, struct mime_range g);
/* The part's content, decoded. */
struct str reformime_content(const struct reformime *r, const struct mime_part *p);
/* The name that the sender gave, or .p NULL. */
struct str reformime_name(const struct reformime *r, const struct mime_part *p);

/* reformime-show.c */
int reformime_list(const struct reformime *r);
int reformime_info(const struct reformime *r);
int reformime_extract(const struct reformime *r); /* -e */
int reformime_validate(const struct reformime *r);
int reformime_search_text(const struct reformime *r); /* -u */
/* reformime-save.c */
int reformime_ask(const struct reformime *r);
int reformime_save(const struct reformime *r, const char *prefix);
int reformime_pipe(const struct reformime *r, char **argv);
/* reformime-report.c */
int reformime_statuses(const struct reformime *r, bool original);
int reformime_digest(void);
/* reformime-write.c: the digit of -r, 0 for none, 'U' */
int reformime_rewrite(const struct reformime *r, char how);
/* reformime-header.c: -h -H -o -O */
int reformime_header(char what, const char *charset, const char *text);

#endif
