/*
 * The verdict about an address: from what is known, or by a call-out.  So many call-outs run at a
 * time, the others wait; who asks for an address that is being asked already waits with them.
 *
 * A domain whose hosts do not answer must not keep the others waiting: it gets half of the places
 * at most, and when a call-out has found nobody to talk to, its other addresses are put off
 * without asking for VERIFY_SILENT_S.
 */
#ifndef COURIER_FILTERS_VERIFYFILTER_CHECK_H
#define COURIER_FILTERS_VERIFYFILTER_CHECK_H

#include "filters/verifyfilter-cache.h"
#include "filters/verifyfilter-callout.h"

enum { VERIFY_SILENT_S = 60, VERIFY_DOMAINS_MAX = 10000 };

struct verifier;
/* Takes the cache.  NULL: logged. */
struct verifier *verifier_new(struct loop *l, const struct instance *in, struct config *c,
    struct verify_cache *cache, size_t at_a_time);
void verifier_free(struct verifier *v); /* nobody who waits is told */

typedef void (*verify_done)(void *ctx, const struct callout_result *r);
/* done may come inside the call.  The null sender is always good: a report is never answered by a
 * question of ours. */
void verifier_check(struct verifier *v, struct str address, verify_done done, void *ctx);

/* Pure.  Why an address is not good, as the lines of an SMTP reply. */
void verify_explain(struct buf *out, struct str address, const struct callout_result *r);

#endif
