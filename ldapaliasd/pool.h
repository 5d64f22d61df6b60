/*
 * Threads that ask the directory (libs/threads), each over a connection of its own.
 */
#ifndef COURIER_LDAPALIASD_POOL_H
#define COURIER_LDAPALIASD_POOL_H

#include "ldapaliasd/directory.h"
#include "threads/work.h"

struct pool_job {
	struct work_job work; /* first */
	struct arena *arena;  /* of the question */
	struct directory_question question;
	enum ldapalias_result result;
	struct buf answer;
	void *ctx;
	uint32_t id;
};

struct work *pool_new(struct loop *l, const struct ldapaliasrc *rc);
/* done() follows, in the loop, never inside the call; frees it. */
void pool_post(struct work *w, struct pool_job *job, void (*done)(struct work_job *job));

#endif
