#include "config.h"

#include "event/event-private.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

enum { LATE_PAUSE_US = 10000 };

struct deferred {
	void (*fn)(void *ctx);
	void *ctx;
};

/* An event that found no memory when it was to be added: each turn tries again.  Without it a
 * socket would never be heard of, and whoever waits for it would wait for ever. */
struct late {
	struct late *next;
	struct event *ev;
	struct timeval tv;
	bool timed, waits;
};

struct loop {
	struct event_base *base;
	VEC(struct deferred) deferred;
	struct late *late;
	bool stopped;
};

struct timer {
	struct late late;
	struct loop *loop;
	struct event *ev;
	void (*fn)(void *ctx);
	void *ctx;
};

struct watch {
	struct late late;
	struct loop *loop;
	struct event *ev;
	int what;
	void (*fn)(void *ctx, int fd, int what);
	void *ctx;
};

struct signal_watch {
	struct event *ev;
	void (*fn)(void *ctx, int signo);
	void *ctx;
};

static void late_drop(struct loop *l, struct late *x)
{
	struct late **at = &l->late;
	if (!x->waits)
		return;
	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
	x->waits = false;
}

static void add(struct loop *l, struct late *x, struct event *ev, const struct timeval *tv)
{
	late_drop(l, x);
	if (event_add(ev, tv) == 0)
		return;
	*x = (struct late){.next = l->late, .ev = ev, .timed = tv != NULL, .waits = true};
	if (tv)
		x->tv = *tv;
	l->late = x;
}

/* True when none is left. */
static bool add_late(struct loop *l)
{
	for (struct late **at = &l->late; *at;) {
		struct late *x = *at;
		if (event_add(x->ev, x->timed ? &x->tv : NULL) < 0) {
			at = &x->next;
			continue;
		}
		*at = x->next;
		x->waits = false;
	}
	return !l->late;
}

static void run_deferred(struct loop *l)
{
	/* what is deferred meanwhile runs in the next turn: no turn is endless */
	size_t n = l->deferred.n;
	for (size_t i = 0; i < n; i++) {
		struct deferred d = l->deferred.v[i];
		l->deferred.v[i].fn = NULL;
		if (d.fn)
			d.fn(d.ctx);
	}
	if (n)
		memmove(
		    l->deferred.v, l->deferred.v + n, (l->deferred.n - n) * sizeof *l->deferred.v);
	l->deferred.n -= n;
}

struct loop *loop_new(void)
{
	struct loop *l = calloc(1, sizeof *l);
	struct event_config *cfg = event_config_new();
	if (!l || !cfg)
		goto fail;
	event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
	l->base = event_base_new_with_config(cfg);
	if (!l->base)
		goto fail;
	event_config_free(cfg);
	return l;
fail:
	if (cfg)
		event_config_free(cfg);
	loop_free(l);
	return NULL;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	if (l->base)
		event_base_free(l->base);
	vec_free(&l->deferred);
	free(l);
}

int loop_run(struct loop *l)
{
	/* Deferred calls come after each round of events.  (As an event of lower priority they
	 * would come after a round without any other, which on a busy server is never.) */
	l->stopped = false;
	while (!l->stopped) {
		int sleep = l->deferred.n ? EVLOOP_NONBLOCK : 0;
		if (!add_late(l)) {
			usleep(LATE_PAUSE_US);
			sleep = EVLOOP_NONBLOCK;
		}
		if (event_base_loop(l->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY | sleep) < 0)
			return -1;
		run_deferred(l);
	}
	return 0;
}

void loop_stop(struct loop *l)
{
	l->stopped = true;
	event_base_loopbreak(l->base);
}

int loop_defer(struct loop *l, void (*fn)(void *ctx), void *ctx)
{
	if (!vec_room(&l->deferred)) {
		errno = ENOMEM;
		return -1;
	}
	l->deferred.v[l->deferred.n++] = (struct deferred){fn, ctx};
	return 0;
}

void loop_defer_cancel(struct loop *l, void (*fn)(void *ctx), void *ctx)
{
	for (size_t i = 0; i < l->deferred.n; i++)
		if (l->deferred.v[i].fn == fn && l->deferred.v[i].ctx == ctx)
			l->deferred.v[i].fn = NULL;
}

static void timer_fired(evutil_socket_t fd, short what, void *arg)
{
	struct timer *t = arg;
	t->fn(t->ctx);
}

struct timer *timer_new(struct loop *l, void (*fn)(void *ctx), void *ctx)
{
	struct timer *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->fn = fn;
	t->ctx = ctx;
	t->loop = l;
	t->ev = evtimer_new(l->base, timer_fired, t);
	if (!t->ev) {
		free(t);
		return NULL;
	}
	return t;
}

void timer_set(struct timer *t, int64_t ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	add(t->loop, &t->late, t->ev, &tv);
}

void timer_clear(struct timer *t)
{
	late_drop(t->loop, &t->late);
	evtimer_del(t->ev);
}

bool timer_armed(const struct timer *t)
{
	return t->late.waits || evtimer_pending(t->ev, NULL) != 0;
}

void timer_free(struct timer *t)
{
	if (!t)
		return;
	late_drop(t->loop, &t->late);
	event_free(t->ev);
	free(t);
}

static void watch_fired(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;
	w->fn(w->ctx, fd, (what & EV_READ ? WATCH_READ : 0) | (what & EV_WRITE ? WATCH_WRITE : 0));
}

struct watch *watch_new(struct loop *l, int fd, void (*fn)(void *ctx, int fd, int what), void *ctx)
{
	struct watch *w = calloc(1, sizeof *w);
	if (!w)
		return NULL;
	w->loop = l;
	w->fn = fn;
	w->ctx = ctx;
	w->ev = event_new(l->base, fd, EV_READ | EV_PERSIST, watch_fired, w);
	if (!w->ev) {
		free(w);
		return NULL;
	}
	return w;
}

void watch_set(struct watch *w, int what)
{
	if (what == w->what)
		return;
	int fd = event_get_fd(w->ev);
	late_drop(w->loop, &w->late);
	if (w->what)
		event_del(w->ev);
	w->what = what;
	if (what) {
		short ev = (short)(EV_PERSIST | (what & WATCH_READ ? EV_READ : 0) |
				   (what & WATCH_WRITE ? EV_WRITE : 0));
		event_assign(w->ev, w->loop->base, fd, ev, watch_fired, w);
		add(w->loop, &w->late, w->ev, NULL);
	}
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	late_drop(w->loop, &w->late);
	event_free(w->ev);
	free(w);
}

static void close_now(evutil_socket_t fd, short what, void *arg)
{
	close((int)(intptr_t)arg);
}

/* Changes reach the kernel when the loop goes to sleep, so before the next timer. */
void watch_close(struct watch *w)
{
	static const struct timeval soon = {0, 1}; /* 0 would not wait for the kernel */
	if (!w)
		return;
	int fd = event_get_fd(w->ev);
	struct event_base *base = w->loop->base;
	watch_free(w);
	if (event_base_once(base, -1, EV_TIMEOUT, close_now, (void *)(intptr_t)fd, &soon) < 0)
		close(fd);
}

static void signal_fired(evutil_socket_t signo, short what, void *arg)
{
	struct signal_watch *s = arg;
	s->fn(s->ctx, signo);
}

struct signal_watch *signal_watch_new(
    struct loop *l, int signo, void (*fn)(void *ctx, int signo), void *ctx)
{
	struct signal_watch *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->fn = fn;
	s->ctx = ctx;
	s->ev = evsignal_new(l->base, signo, signal_fired, s);
	if (!s->ev || evsignal_add(s->ev, NULL) < 0) {
		signal_watch_free(s);
		return NULL;
	}
	return s;
}

void signal_watch_free(struct signal_watch *s)
{
	if (!s)
		return;
	if (s->ev)
		event_free(s->ev);
	free(s);
}
