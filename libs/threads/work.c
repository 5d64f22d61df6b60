#include "config.h"

#include "threads/work.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct line {
	struct work_job *head, **tail;
};

struct work {
	const struct work_desc *d;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct line todo, finished;
	int64_t down_until;
	bool told; /* that it is down */
	int wake;
	struct watch *watch;
	size_t waiting; /* the loop's alone, and below */
	uint64_t asked;
};

static void put(struct line *l, struct work_job *j)
{
	j->next = NULL;
	*l->tail = j;
	l->tail = &j->next;
}

static struct work_job *take(struct line *l)
{
	struct work_job *j = l->head;
	if (j && !(l->head = j->next))
		l->tail = &l->head;
	return j;
}

/* ---- the threads' side ----------------------------------------------------------------------- */

static struct work_job *next_job(struct work *w, bool *down)
{
	struct work_job *j;
	pthread_mutex_lock(&w->lock);
	while (!(j = take(&w->todo)))
		pthread_cond_wait(&w->more, &w->lock);
	*down = clock_mono_ms() < w->down_until;
	pthread_mutex_unlock(&w->lock);
	return j;
}

static void tell_state(struct work *w, const struct work_job *j)
{
	if (j->down && !w->told)
		log_error(NULL, "%s can't be asked: %s", w->d->what, j->why);
	else if (!j->down && w->told)
		log_info(NULL, "%s answers again", w->d->what);
	w->told = j->down;
	w->down_until = j->down ? clock_mono_ms() + WORK_PAUSE_MS : 0;
}

static void give_back(struct work *w, struct work_job *j, bool asked)
{
	const uint64_t one = 1;
	pthread_mutex_lock(&w->lock);
	if (asked)
		tell_state(w, j);
	put(&w->finished, j);
	pthread_mutex_unlock(&w->lock);
	while (write(w->wake, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void not_asked(struct work_job *j, const char *why)
{
	j->down = true;
	snprintf(j->why, sizeof(j->why), "%s", why);
}

static void *run(void *arg)
{
	struct work *w = arg;
	void *state = w->d->open(w->d->ctx);
	bool down;
	for (;;) {
		struct work_job *j = next_job(w, &down);
		if (down)
			not_asked(j, "no answer a moment ago");
		else
			w->d->run(state, j);
		give_back(w, j, !down);
	}
	return NULL;
}

/* ---- the loop's side ------------------------------------------------------------------------- */

static void woken(void *ctx, int fd, int what UNUSED)
{
	struct work *w = ctx;
	uint64_t n;
	if (read(fd, &n, sizeof(n)) < 0)
		return;
	for (;;) {
		pthread_mutex_lock(&w->lock);
		struct work_job *j = take(&w->finished);
		pthread_mutex_unlock(&w->lock);
		if (!j)
			return;
		w->waiting--;
		j->done(j);
	}
}

static int start_thread(struct work *w)
{
	pthread_t t;
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int e = pthread_create(&t, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (e == 0)
		pthread_detach(t);
	errno = e;
	return e ? -1 : 0;
}

struct work *work_new(struct loop *l, const struct work_desc *d)
{
	struct work *w = mem_new(struct work);
	w->d = d;
	w->todo.tail = &w->todo.head;
	w->finished.tail = &w->finished.head;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->watch = w->wake < 0 ? NULL : watch_new(l, w->wake, woken, w);
	if (!w->watch)
		return NULL; /* the process ends */
	watch_set(w->watch, WATCH_READ);
	for (unsigned i = 0; i < d->threads; i++)
		if (start_thread(w) < 0)
			return NULL;
	return w;
}

void work_post(struct work *w, struct work_job *j)
{
	if (w->waiting++ >= WORK_JOBS_MAX) {
		not_asked(j, "too many questions wait");
		give_back(w, j, false);
		return;
	}
	w->asked++;
	pthread_mutex_lock(&w->lock);
	put(&w->todo, j);
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
}

size_t work_waiting(const struct work *w)
{
	return w->waiting;
}

uint64_t work_asked(const struct work *w)
{
	return w->asked;
}
