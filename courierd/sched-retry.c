#include "config.h"

#include "courierd/sched.h"

/*
 * Groups of retrybeta attempts at pauses of retryalpha; between groups a pause that doubles from
 * retrygamma on, at most retrymaxdelta times.  The first group has one pause more, as in the
 * original: 5 5 5 15 5 5 30 5 5 60 5 5 120 5 5 120 ...
 */
int64_t retry_pause(const struct sched_limits *l, uint32_t rounds)
{
	uint32_t beta = l->retrybeta ? l->retrybeta : 1;
	if (rounds <= beta || (rounds - 1) % beta != 0)
		return l->retryalpha > 0 ? l->retryalpha : 1;
	uint32_t k = (rounds - 1) / beta - 1;
	if (k > l->retrymaxdelta)
		k = l->retrymaxdelta;
	if (k > 20)
		k = 20;
	int64_t pause = l->retrygamma << k;
	return pause > 0 ? pause : 1;
}
