#include "config.h"

#include "ldapaliasd/pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct line {
	struct pool_job *head, **tail;
};

struct pool {
	const struct ldapaliasrc *rc;
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct line todo, finished;
	int64_t down_until;
	bool told; /* that it is down */
	int wake;
	struct watch *watch;
	size_t busy; /* the loop's alone, and below */
	uint64_t asked;
};

static void put(struct line *l, struct pool_job *j)
{
	j->next = NULL;
	*l->tail = j;
	l->tail = &j->next;
}

static struct pool_job *take(struct line *l)
{
	struct pool_job *j = l->head;
	if (j && !(l->head = j->next))
		l->tail = &l->head;
	return j;
}

/* ---- the threads' side ----------------------------------------------------------------------- */

static struct pool_job *next_job(struct pool *p, bool *down)
{
	struct pool_job *j;
	pthread_mutex_lock(&p->lock);
	while (!(j = take(&p->todo)))
		pthread_cond_wait(&p->work, &p->lock);
	*down = clock_mono_ms() < p->down_until;
	pthread_mutex_unlock(&p->lock);
	return j;
}

static void tell_state(struct pool *p, const struct pool_job *j)
{
	bool down = j->result == LDAPALIAS_DOWN;
	if (down && !p->told)
		log_error(NULL, "the directory of aliases can't be asked: %.*s",
		    STR_FMT(buf_str(&j->answer)));
	else if (!down && p->told)
		log_info(NULL, "the directory of aliases answers again");
	p->told = down;
	p->down_until = down ? clock_mono_ms() + POOL_PAUSE_MS : 0;
}

static void give_back(struct pool *p, struct pool_job *j, bool asked)
{
	const uint64_t one = 1;
	pthread_mutex_lock(&p->lock);
	if (asked)
		tell_state(p, j);
	put(&p->finished, j);
	pthread_mutex_unlock(&p->lock);
	while (write(p->wake, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void *run(void *arg)
{
	struct pool *p = arg;
	struct directory *d = directory_new(p->rc);
	bool down;
	for (;;) {
		struct pool_job *j = next_job(p, &down);
		if (down) {
			j->result = LDAPALIAS_DOWN;
			buf_addz(&j->answer, "the directory did not answer a moment ago");
		} else
			j->result = directory_ask(d, &j->question, &j->answer);
		give_back(p, j, !down);
	}
	return NULL;
}

/* ---- the loop's side ------------------------------------------------------------------------- */

static void woken(void *ctx, int fd, int what)
{
	struct pool *p = ctx;
	uint64_t n;
	(void)what;
	if (read(fd, &n, sizeof(n)) < 0)
		return;
	for (;;) {
		pthread_mutex_lock(&p->lock);
		struct pool_job *j = take(&p->finished);
		pthread_mutex_unlock(&p->lock);
		if (!j)
			return;
		p->busy--;
		j->done(j);
	}
}

static int start_thread(struct pool *p)
{
	pthread_t t;
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int e = pthread_create(&t, NULL, run, p);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (e == 0)
		pthread_detach(t);
	errno = e;
	return e ? -1 : 0;
}

struct pool *pool_new(struct loop *l, const struct ldapaliasrc *rc)
{
	struct pool *p = mem_new(struct pool);
	p->rc = rc;
	p->todo.tail = &p->todo.head;
	p->finished.tail = &p->finished.head;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	p->watch = p->wake < 0 ? NULL : watch_new(l, p->wake, woken, p);
	if (!p->watch)
		return NULL; /* the process ends */
	watch_set(p->watch, WATCH_READ);
	for (unsigned i = 0; i < rc->connections; i++)
		if (start_thread(p) < 0)
			return NULL;
	return p;
}

void pool_post(struct pool *p, struct pool_job *j)
{
	bool full = p->busy++ >= POOL_JOBS_MAX;
	buf_init(&j->answer, DIRECTORY_ANSWER_MAX);
	if (full) {
		j->result = LDAPALIAS_DOWN;
		buf_addz(&j->answer, "too many questions wait");
		give_back(p, j, false);
		return;
	}
	p->asked++;
	pthread_mutex_lock(&p->lock);
	put(&p->todo, j);
	pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->lock);
}

size_t pool_busy(const struct pool *p)
{
	return p->busy;
}

uint64_t pool_asked(const struct pool *p)
{
	return p->asked;
}
