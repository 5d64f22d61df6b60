#include "config.h"

#include "queue/disk-thread.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct fifo {
	struct disk_job *head, **tail;
};

struct disk_thread {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work, idle;
	bool running;
	struct fifo todo, finished;
	bool stop;
	int wake;
	struct watch *watch;
	size_t busy; /* the loop's side alone */
};

static void fifo_put(struct fifo *f, struct disk_job *j)
{
	j->next = NULL;
	*f->tail = j;
	f->tail = &j->next;
}

static struct disk_job *fifo_take_all(struct fifo *f)
{
	struct disk_job *j = f->head;
	f->head = NULL;
	f->tail = &f->head;
	return j;
}

static struct disk_job *fifo_take(struct fifo *f)
{
	struct disk_job *j = f->head;
	if (j && !(f->head = j->next))
		f->tail = &f->head;
	return j;
}

static void *work(void *arg)
{
	struct disk_thread *t = arg;
	pthread_mutex_lock(&t->lock);
	for (;;) {
		struct disk_job *j = fifo_take(&t->todo);
		if (!j && t->stop)
			break;
		if (!j) {
			pthread_cond_broadcast(&t->idle);
			pthread_cond_wait(&t->work, &t->lock);
			continue;
		}
		t->running = true;
		pthread_mutex_unlock(&t->lock);
		j->run(j);
		pthread_mutex_lock(&t->lock);
		t->running = false;
		fifo_put(&t->finished, j);
		uint64_t one = 1;
		while (write(t->wake, &one, sizeof one) < 0 && errno == EINTR)
			;
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

static void collect(struct disk_thread *t)
{
	pthread_mutex_lock(&t->lock);
	struct disk_job *j = fifo_take_all(&t->finished);
	pthread_mutex_unlock(&t->lock);
	while (j) {
		struct disk_job *next = j->next;
		t->busy--;
		j->done(j);
		j = next;
	}
}

static void woken(void *ctx, int fd, int what UNUSED)
{
	uint64_t n;
	if (read(fd, &n, sizeof n) < 0)
		return;
	collect(ctx);
}

/* Signals are the loop's: the thread is born with all of them blocked. */
static int start(struct disk_thread *t)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int e = pthread_create(&t->thread, NULL, work, t);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = e;
	return e ? -1 : 0;
}

struct disk_thread *disk_thread_new(struct loop *l)
{
	struct disk_thread *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->todo.tail = &t->todo.head;
	t->finished.tail = &t->finished.head;
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->work, NULL);
	pthread_cond_init(&t->idle, NULL);
	t->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (t->wake >= 0 && (t->watch = watch_new(l, t->wake, woken, t)) && start(t) == 0) {
		watch_set(t->watch, WATCH_READ);
		return t;
	}
	int e = errno;
	watch_free(t->watch);
	if (t->wake >= 0)
		close(t->wake);
	free(t);
	errno = e;
	return NULL;
}

void disk_thread_post(struct disk_thread *t, struct disk_job *job)
{
	t->busy++;
	pthread_mutex_lock(&t->lock);
	fifo_put(&t->todo, job);
	pthread_cond_signal(&t->work);
	pthread_mutex_unlock(&t->lock);
}

size_t disk_thread_busy(const struct disk_thread *t)
{
	return t->busy;
}

void disk_thread_drain(struct disk_thread *t)
{
	pthread_mutex_lock(&t->lock);
	while (t->todo.head || t->running)
		pthread_cond_wait(&t->idle, &t->lock);
	pthread_mutex_unlock(&t->lock);
	collect(t);
}

void disk_thread_free(struct disk_thread *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->stop = true;
	pthread_cond_signal(&t->work);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	collect(t);
	watch_free(t->watch);
	close(t->wake);
	pthread_mutex_destroy(&t->lock);
	pthread_cond_destroy(&t->work);
	pthread_cond_destroy(&t->idle);
	free(t);
}
