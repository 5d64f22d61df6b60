/* The questions of other processes, and the policies that are looked after in between. */
#ifndef COURIER_STS_KEEPER_H
#define COURIER_STS_KEEPER_H

#include "sts/discover.h"

/* ---- box.c ----------------------------------------------------------------------------------- */

struct box;
struct box *box_new(struct loop *l, int dir); /* NULL: no memory */
void box_add(struct box *b, struct str host, int64_t until);
bool box_list(struct box *b, size_t *at, struct buf *out); /* as no_tls_print */
void box_write(struct box *b);                             /* what waits to be written */

/* ---- ask.c ----------------------------------------------------------------------------------- */

struct asks;
struct asks *asks_new(struct loop *l, struct sts_source *source, struct box *box);
void asks_peer(struct asks *a, int fd); /* owns fd */
size_t asks_running(const struct asks *a);
uint64_t asks_count(const struct asks *a);

/* ---- upkeep.c -------------------------------------------------------------------------------- */

enum {
	UPKEEP_FIRST_MS = 60 * 1000,
	UPKEEP_MS = 10 * 60 * 1000,
};
/* Every ten minutes, or refresh_s when that is less: the oldest policies beyond the cache's size
 * go, as do those that are over; those that are in use are fetched again after refresh_s (RFC 8461,
 * 10.2). */
struct upkeep_turns;
struct upkeep_turns *upkeep_new(struct loop *l, struct sts_source *source, int64_t refresh_s);

#endif
