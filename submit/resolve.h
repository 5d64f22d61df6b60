/*
 * Where a recipient goes.  Remote addresses need no look-up; local and hosted ones are looked for
 * among the accounts, their extensions in the owner's home, and at last in the alias account.
 */
#ifndef COURIER_SUBMIT_RESOLVE_H
#define COURIER_SUBMIT_RESOLVE_H

#include "submit/process.h"

struct route {
	struct str module, host, to;
};
/* A remote address: at once. */
struct route route_remote(const struct address *a);

/* Others: route is valid inside the callback and set with LOOKUP_FOUND alone.  The callback may
 * come from inside the call. */
typedef void (*resolve_done)(void *ctx, enum lookup_state state, const struct route *route);
struct resolve;
struct resolve *resolve_new(
    struct gate_process *g, struct policy *p, const struct address *a, resolve_done cb, void *ctx);
void resolve_start(struct resolve *r);
void resolve_cancel(struct resolve *r); /* no callback any more; frees itself when it can */

/* Answers the scheduler. */
void resolve_question(void *gate, uint32_t question, const struct queue_route_ask *ask);

#endif
