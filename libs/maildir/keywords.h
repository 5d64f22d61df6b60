/*
 * The keyword store courierimapkeywords/ of a folder (access-formats, section 5).  Lock-free: the
 * unit of atomicity is the whole set of one message.  Names compare without case.
 */
#ifndef COURIER_MAILDIR_KEYWORDS_H
#define COURIER_MAILDIR_KEYWORDS_H

#include "base/base.h"

enum {
	KEYWORD_LEN_MAX = 128,      /* bytes of one keyword */
	KEYWORDS_PER_FOLDER = 1000, /* different ones */
	KEYWORD_LIST_MAX = 32 << 20 /* bytes of :list */
};

/* False for what can't be a keyword in the file (empty, blank, control byte, too long). */
bool maildir_keyword_ok(struct str word);
/* Replaces the keywords of one message. */
int maildir_keywords_write(int folderfd, struct str base, const struct str *words, size_t n);

#endif
