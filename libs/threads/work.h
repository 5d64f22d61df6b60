/*
 * libs/threads: threads for libraries that block (directories, databases), beside a loop.
 *
 * Jobs wait in one line; each thread has a state of its own (a connection).  Whatever serves the
 * jobs may be down: a job that says so (down) has the next ones answered at once, without asking,
 * for a moment, so that a dead server does not hold up the living.  The log has the change once.
 */
#ifndef COURIER_THREADS_WORK_H
#define COURIER_THREADS_WORK_H

#include "event/event.h"

enum { WORK_JOBS_MAX = 10000, WORK_PAUSE_MS = 3000, WORK_WHY_MAX = 400 };

struct work_job {
	struct work_job *next;
	bool down;                        /* set by run, or before done() when nobody was asked */
	char why[WORK_WHY_MAX];           /* with down: why */
	void (*done)(struct work_job *j); /* in the loop; owns the job again */
};

struct work_desc {
	const char *what; /* "the directory of accounts", for the log */
	unsigned threads;
	void *(*open)(void *ctx);                       /* in a thread: its state */
	void (*run)(void *state, struct work_job *job); /* in a thread */
	void *ctx;
};

struct work;
struct work *work_new(struct loop *l, const struct work_desc *d); /* keeps d; NULL: errno */
void work_post(struct work *w, struct work_job *j); /* done() follows, never inside the call */
size_t work_waiting(const struct work *w);
uint64_t work_asked(const struct work *w);

#endif
