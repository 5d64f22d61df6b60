/*
 * libs/threads: what a service whose only work its threads do says and does as a service.
 */
#ifndef COURIER_WORK_SERVICE_H
#define COURIER_WORK_SERVICE_H

#include "service/service.h"
#include "threads/work.h"

/* For desc.drain: the process ends when nobody waits for an answer any more.  w may be NULL. */
void work_drain(struct service *s, struct work *w);
void work_stats(const struct work *w, struct buf *out); /* for desc.stats */

#endif
