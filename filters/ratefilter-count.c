#include "config.h"

#include "filters/ratefilter-count.h"

#include <stdlib.h>

struct rate {
	struct map *now, *before; /* sender -> uint64_t */
	int64_t half, piece;
};

struct rate *rate_new(int64_t interval)
{
	struct rate *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->half = interval / 2;
	r->piece = INT64_MIN;
	r->now = map_new();
	r->before = map_new();
	if (r->now && r->before)
		return r;
	rate_free(r);
	return NULL;
}

void rate_free(struct rate *r)
{
	if (!r)
		return;
	map_free(r->now, free);
	map_free(r->before, free);
	free(r);
}

/* A clock that was set back goes on with the piece at hand: nobody gets a second allowance. */
static bool turn(struct rate *r, int64_t now)
{
	int64_t piece = now / r->half;
	if (piece <= r->piece)
		return true;
	struct map *fresh = map_new(), *fresh_before = piece == r->piece + 1 ? r->now : map_new();
	if (!fresh || !fresh_before) {
		map_free(fresh, free);
		if (fresh_before != r->now)
			map_free(fresh_before, free);
		return false;
	}
	if (fresh_before != r->now)
		map_free(r->now, free);
	map_free(r->before, free);
	r->now = fresh;
	r->before = fresh_before;
	r->piece = piece;
	return true;
}

uint64_t rate_add(struct rate *r, struct str sender, uint64_t n, int64_t now)
{
	if (!turn(r, now))
		return UINT64_MAX;
	uint64_t *sum = map_get(r->now, sender), *before = map_get(r->before, sender);
	if (!sum) {
		sum = map_count(r->now) < RATE_KEYS_MAX ? calloc(1, sizeof *sum) : NULL;
		if (!sum || !map_set(r->now, sender, sum)) {
			free(sum);
			return UINT64_MAX;
		}
	}
	*sum += n;
	return *sum + (before ? *before : 0);
}
