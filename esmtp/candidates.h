/* From the answer of DNS to the addresses that are tried, or to why there are none. */
#ifndef COURIER_ESMTP_CANDIDATES_H
#define COURIER_ESMTP_CANDIDATES_H

#include "esmtp/esmtp.h"

/* Fills t->candidates; when that stays empty t->trouble says why. */
void candidates_take(struct target *t, const struct dns_mx *mx);
void candidates_no_policy(struct target *t);
void candidates_clear(struct target *t);
/* Another of the equal hosts comes first, by chance: an answer of the DNS serves many connections.
 */
void candidates_mix(struct target *t);

#endif
