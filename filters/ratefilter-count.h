/*
 * How many recipients each sender had lately.
 *
 * Time is cut into pieces of half the interval.  The sums of this piece and of the one before it
 * are known; older ones are forgotten.  So a sum stands for between a half and a whole interval.
 */
#ifndef COURIER_FILTERS_RATEFILTER_COUNT_H
#define COURIER_FILTERS_RATEFILTER_COUNT_H

#include "base/base.h"

enum { RATE_KEYS_MAX = 100000 }; /* senders in one piece of time */

struct rate;
struct rate *rate_new(int64_t interval); /* seconds; NULL without memory */
void rate_free(struct rate *r);
/* Adds n; the sender's sum, these n included.  UINT64_MAX: too many senders to count. */
uint64_t rate_add(struct rate *r, struct str sender, uint64_t n, int64_t now);

#endif
