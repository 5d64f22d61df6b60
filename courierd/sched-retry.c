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

int64_t retry_longest(const struct sched_limits *l)
{
	uint32_t last = (l->retrymaxdelta < 20 ? l->retrymaxdelta : 20) + 1;
	int64_t pause = retry_pause(l, last * (l->retrybeta ? l->retrybeta : 1) + 1);
	if (pause < l->retryalpha)
		pause = l->retryalpha;
	return pause > l->submitdelay ? pause : l->submitdelay;
}

/* What the pauses behind so many rounds come to, as far as it matters. */
static int64_t age_by_rounds(const struct sched_limits *l, uint32_t rounds, int64_t enough)
{
	int64_t age = 0;
	for (uint32_t i = 1; i < rounds && age < enough; i++)
		age += retry_pause(l, i);
	return age;
}

static int64_t birth(const struct envelope *e, int64_t arrival)
{
	return e->release > arrival ? e->release : arrival;
}

int64_t retry_expiry(const struct sched_limits *l, const struct envelope *e, int64_t arrival)
{
	int64_t end = birth(e, arrival) + l->queuetime;
	return e->by_mode == 'R' && e->by < end ? e->by : end;
}

int64_t retry_warning(const struct sched_limits *l, const struct envelope *e, int64_t arrival)
{
	int64_t warn = l->warntime ? birth(e, arrival) + l->warntime : -1;
	if (e->by_mode == 'N' && (warn < 0 || e->by < warn))
		warn = e->by > arrival ? e->by : arrival;
	return warn;
}

int64_t retry_next(const struct envelope *e, int64_t now, int64_t next)
{
	if (next > e->expiry && e->expiry > now)
		next = e->expiry;
	/* the sender wants to hear of it in time */
	if (e->by_mode == 'N' && !e->warned && e->by > now && next > e->by)
		next = e->by;
	return next;
}

bool retry_over(const struct sched_limits *l, const struct envelope *e, int64_t now)
{
	int64_t life = e->arrival ? e->expiry - birth(e, e->arrival) : 0, tried = life / 2;
	if (retry_too_late(e, now))
		return true;
	if (e->arrival > now + RETRY_FUTURE)
		return age_by_rounds(l, e->rounds, life) >= life;
	if (tried > RETRY_TRIED)
		tried = RETRY_TRIED;
	return now >= e->expiry && age_by_rounds(l, e->rounds, tried) >= tried;
}

bool retry_too_late(const struct envelope *e, int64_t now)
{
	return e->by_mode == 'R' && now >= e->by;
}
