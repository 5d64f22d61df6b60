/*
 * Is an address an alias?  The tables of its source, the general one, and the directory, if there
 * is one: the first that knows it decides.
 */
#ifndef COURIER_SUBMIT_ALIAS_FIND_H
#define COURIER_SUBMIT_ALIAS_FIND_H

#include "submit/process.h"

/* result: 1 and members, one a line; 0 it is none; -1 a source of aliases can't be asked now. */
typedef void (*alias_found)(void *ctx, int result, struct str members);

struct alias_find;
/* source: "esmtp", "local", "uucp"; others have the general aliases alone.  NULL: no memory. */
struct alias_find *alias_find_new(struct gate_process *g, struct policy *p, struct str source,
    const struct address *a, alias_found cb, void *ctx);
void alias_find_start(struct alias_find *f);  /* the callback may come from inside the call */
void alias_find_cancel(struct alias_find *f); /* no callback any more; NULL is fine */

#endif
