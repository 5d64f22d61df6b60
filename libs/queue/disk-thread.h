/*
 * A thread that does blocking disk work, one job after the other, so that the loop goes on.  Jobs
 * are the caller's memory; run() is called in the thread and must touch nothing but its job (and
 * not the log); done() is called later in the loop, in the order of the jobs.
 */
#ifndef COURIER_QUEUE_DISK_THREAD_H
#define COURIER_QUEUE_DISK_THREAD_H

#include "event/event.h"

struct disk_job {
	void (*run)(struct disk_job *job);
	void (*done)(struct disk_job *job);
	struct disk_job *next;
};

struct disk_thread;
struct disk_thread *disk_thread_new(struct loop *l); /* NULL with errno */
void disk_thread_post(struct disk_thread *t, struct disk_job *job);
size_t disk_thread_busy(const struct disk_thread *t); /* jobs whose done() has not run */
void disk_thread_drain(struct disk_thread *t); /* waits for the jobs posted so far, runs done() */
void disk_thread_free(struct disk_thread *t);  /* finishes all jobs, done() included */

#endif
