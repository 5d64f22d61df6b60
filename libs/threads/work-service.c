#include "config.h"

#include "threads/work-service.h"

#include <stdlib.h>

enum { LOOK_MS = 20 };

struct leaving {
	struct service *service;
	struct work *work;
	struct timer *timer;
};

static void leave_when_idle(void *ctx)
{
	struct leaving *l = ctx;
	if (work_waiting(l->work))
		timer_set(l->timer, LOOK_MS);
	else
		service_exit(l->service, EXIT_SUCCESS);
}

void work_drain(struct service *s, struct work *w)
{
	static struct leaving l; /* a process has one service, which leaves once */
	l.service = s;
	l.work = w;
	if (!l.timer)
		l.timer = timer_new(service_loop(s), leave_when_idle, &l);
	if (l.timer && w)
		timer_set(l.timer, 0);
	else
		service_exit(s, EXIT_SUCCESS);
}

void work_stats(const struct work *w, struct buf *out)
{
	buf_addf(out, "asked=%llu waiting=%zu", (unsigned long long)work_asked(w), work_waiting(w));
}
