/* The gate's questions to modules about addresses (libs/module/module-claim.h has the page). */
#ifndef COURIER_SUBMIT_CLAIM_ASK_H
#define COURIER_SUBMIT_CLAIM_ASK_H

#include "module/module-claim.h"
#include "service/service.h"

enum { CLAIM_QUESTIONS_MAX = 2000 }; /* that wait for one module */

struct claim_links;
struct claim_links *claim_links_new(struct service *s);
void claim_links_want(struct claim_links *l, const char *module); /* opens its edge soon */
void claim_links_free(struct claim_links *l);                     /* no more callbacks */

/* NULL: no answer in time, or the module is down.  Strings are valid inside the callback; it may
 * come from inside the call. */
typedef void (*claim_answered)(void *ctx, const struct claim_answer *w);
void claim_ask(struct claim_links *l, const char *module, const struct claim_ask *q,
    claim_answered cb, void *ctx);

#endif
