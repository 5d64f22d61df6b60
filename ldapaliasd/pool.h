/*
 * Threads that ask the directory, each over a connection of its own; questions wait in one line.
 *
 * A directory that has just failed is not asked again for a moment: meanwhile all questions are
 * answered LDAPALIAS_DOWN at once, so that a dead server does not hold up the mail of the living.
 */
#ifndef COURIER_LDAPALIASD_POOL_H
#define COURIER_LDAPALIASD_POOL_H

#include "event/event.h"
#include "ldapaliasd/directory.h"

enum { POOL_JOBS_MAX = 10000, POOL_PAUSE_MS = 3000 };

struct pool;
struct pool_job {
	struct pool_job *next; /* the pool's */
	struct arena *arena;   /* of the question */
	struct directory_question question;
	enum ldapalias_result result;
	struct buf answer;
	void (*done)(struct pool_job *job); /* in the loop; frees it */
	void *ctx;
	uint32_t id;
};

struct pool *pool_new(struct loop *l, const struct ldapaliasrc *rc);
/* done() follows, never inside the call. */
void pool_post(struct pool *p, struct pool_job *job);
size_t pool_busy(const struct pool *p);
uint64_t pool_asked(const struct pool *p);

#endif
