/*
 * One connection to the directory, kept open and opened anew when it has gone.  Calls block, for
 * little more than the settings' timeout each; one thread uses a connection at a time.
 */
#ifndef COURIER_LDAPALIASD_DIRECTORY_H
#define COURIER_LDAPALIASD_DIRECTORY_H

#include "ldapaliasd/alias-proto.h"
#include "ldapaliasd/ldapaliasrc.h"

struct directory_question {
	struct str source, domain;
	struct str keys[LDAPALIAS_KEYS_MAX];
	unsigned n;
};

enum { DIRECTORY_ANSWER_MAX = 8 * 1024 * 1024 };

struct directory;
struct directory *directory_new(const struct ldapaliasrc *rc); /* keeps rc */
/* Lines, or with LDAPALIAS_DOWN the reason, into out. */
enum ldapalias_result directory_ask(
    struct directory *d, const struct directory_question *q, struct buf *out);

/* The search filter for attribute=value and one source (.p NULL: no matter which; empty: entries
 * without a source).  Pure: RFC 4515 escapes.  false: no memory. */
bool directory_filter(struct buf *out, const char *attribute, struct str value,
    const char *source_attribute, struct str source);

#endif
