/* Messages and the scheduler itself as text of the control socket (sched-control.h). */
#ifndef COURIER_SCHED_SHOW_H
#define COURIER_SCHED_SHOW_H

#include "courierd/sched.h"

/* An envelope for a look: of the message in memory, or of the queue's text. */
struct look {
	struct envelope env;
	const struct envelope *e;
	struct arena *arena;
	struct buf text;
	bool loaded;
};

bool look_at(struct sched *s, uint64_t seq, struct look *l); /* false: no such message */
void look_free(struct look *l);                              /* in any case */

void show_line(struct sched *s, const struct look *l, struct buf *out); /* for "list" */
void show_message(const struct look *l, struct buf *out);
void show_status(struct sched *s, struct buf *out);

#endif
