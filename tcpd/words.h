/* Options of the tools of this room: "-name" and "-name=value", up to the first word without a
 * dash. Pure. */
#ifndef COURIER_TCPD_WORDS_H
#define COURIER_TCPD_WORDS_H

#include "base/base.h"

enum word_kind {
	WORD_FLAG,   /* bool */
	WORD_TEXT,   /* const char *, not empty */
	WORD_NUMBER, /* uint32_t from 0 */
	WORD_OTHER,  /* given to other() */
};

struct word_option {
	const char *name; /* without the dash */
	enum word_kind kind;
	void *to;
};

struct words {
	const struct word_option *options;
	size_t n;
	/* A word of kind WORD_OTHER, whole; NULL or what is wrong (static text). */
	const char *(*other)(void *ctx, const char *word);
	void *ctx;
};

/* The index of the first word that is no option, or -1: *bad is the word and *why (static) the
 * reason. */
int words_take(
    const struct words *w, int argc, char *const *argv, const char **bad, const char **why);

#endif
