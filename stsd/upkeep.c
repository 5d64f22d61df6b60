#include <stdlib.h>
#include "stsd/keeper.h"

struct upkeep_turns {
	struct sts_source *source;
	struct timer *timer;
	int64_t refresh_s;
	VEC(char *) due; /* to be fetched, one after the other */
};

enum { DUE_MAX = 100000 };

static int64_t pause_ms(const struct upkeep_turns *u, int64_t usual)
{
	return u->refresh_s * 1000 < usual ? u->refresh_s * 1000 : usual;
}

static void look_at(void *ctx, struct str domain, int64_t used)
{
	struct upkeep_turns *u = ctx;
	struct sts_cached c;
	sts_cached_init(&c);
	int r = sts_cache_read(u->source->dir, domain, &c);
	enum sts_upkeep what =
	    r > 0 ? sts_upkeep(&c.entry, used, clock_now(), u->refresh_s) : STS_LEAVE;
	if (what == STS_REMOVE)
		sts_cache_remove(u->source->dir, domain);
	else if (what == STS_REFRESH && u->due.n < DUE_MAX)
		vec_push(&u->due, mem_strndup(domain.p, domain.n));
	sts_cached_free(&c);
}

static void next(struct upkeep_turns *u);

static void refreshed(void *ctx, const struct sts_answer *a UNUSED)
{
	next(ctx);
}

static void next(struct upkeep_turns *u)
{
	if (!u->due.n) {
		timer_set(u->timer, pause_ms(u, UPKEEP_MS));
		return;
	}
	char *domain = u->due.v[--u->due.n];
	sts_discover(u->source, str_of(domain), true, refreshed, u);
	free(domain);
}

static void turn(void *ctx)
{
	struct upkeep_turns *u = ctx;
	int dir = u->source->dir;
	int64_t size = sts_cache_size(dir);
	if (size && (sts_cache_expire(dir, size, false) < 0 || sts_cache_each(dir, look_at, u) < 0))
		log_error(NULL, "cannot read the folder of MTA-STS policies: %m");
	sts_cache_sweep(dir);
	next(u);
}

struct upkeep_turns *upkeep_new(struct loop *l, struct sts_source *source, int64_t refresh_s)
{
	struct upkeep_turns *u = mem_new(struct upkeep_turns);
	u->source = source;
	u->refresh_s = refresh_s;
	u->timer = timer_new(l, turn, u);
	if (!u->timer) {
		free(u);
		return NULL;
	}
	timer_set(u->timer, pause_ms(u, UPKEEP_FIRST_MS));
	return u;
}
