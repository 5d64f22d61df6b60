/*
 * Where a recipient goes.  The module files' claims are gone through in their order (claims.h);
 * most addresses of other hosts need no more.  Local and hosted ones are looked for among the
 * accounts, their extensions in the owner's home, and at last in the alias account.  Modules with
 * ASK are asked.
 */
#ifndef COURIER_SUBMIT_RESOLVE_H
#define COURIER_SUBMIT_RESOLVE_H

#include "submit/process.h"

struct route {
	struct str module, host, to;
	bool open;             /* the module has seen to it that the client may send there */
	struct gate_reply why; /* LOOKUP_REFUSED alone */
};

/* What modules that are asked may want to know. */
struct resolve_facts {
	struct str sender, source, login, env;
	bool queued, relay, accepted;
};

/* True and *out: who has the address is plain from the module files. */
bool route_at_once(struct policy *p, const struct address *a, struct route *out);
/* The module that has it will be asked, and decides (or leaves open) who may send there. */
bool route_is_asked(struct policy *p, const struct address *a);

/* Others: route is valid inside the callback and set with LOOKUP_FOUND and LOOKUP_REFUSED alone.
 * The callback may come from inside the call. */
typedef void (*resolve_done)(void *ctx, enum lookup_state state, const struct route *route);
struct resolve;
struct resolve *resolve_new(struct gate_process *g, struct policy *p, const struct address *a,
    const struct resolve_facts *f, resolve_done cb, void *ctx);
void resolve_start(struct resolve *r);
void resolve_cancel(struct resolve *r); /* no callback any more; frees itself when it can */

/* Answers the scheduler. */
void resolve_question(void *gate, uint32_t question, const struct queue_route_ask *ask);

#endif
