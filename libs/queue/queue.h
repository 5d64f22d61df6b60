/*
 * libs/queue: the scheduler's queue behind a table of functions: on the disk (queue_open_disk:
 * journal for the young, files for the old; single writer) or in memory (queue_open_ram: tests,
 * simulation).
 *
 * A message is its sequence number, a control text (envelope.h) to which records are appended, and
 * a body.  A young one lives in the journal.  queue_settle says that it will not be needed before
 * `next`: it becomes the files msgs/H/Cnnn and msgs/H/Dnnn (nnn: the number in decimal, H: its last
 * two digits; mtime of C: the next attempt) and leaves the journal and the memory of the queue.
 *
 * Callbacks come from the loop, in the order of the calls of their kind; error 0 means durable.
 * Nothing here ends the process; calls return -1 with errno when there is no memory.
 */
#ifndef COURIER_QUEUE_H
#define COURIER_QUEUE_H

#include "event/event.h"
#include "queue/envelope.h"

struct queue;
typedef void (*queue_answer)(void *ctx, int error);

struct queue_commit {
	uint64_t seq;
	struct str control, body;
	const char *file; /* a temporary file instead of the body */
	bool keep_file;
	/* Appended to another message in the same group: both or none. */
	uint64_t also_seq;
	struct str also;
};

struct queue_ops {
	int (*reserve)(struct queue *q, uint32_t n, uint64_t *first);
	int (*commit)(struct queue *q, const struct queue_commit *c, queue_answer cb, void *ctx);
	int (*append)(
	    struct queue *q, uint64_t seq, struct str text, bool lazy, queue_answer cb, void *ctx);
	int (*remove)(struct queue *q, uint64_t seq, queue_answer cb, void *ctx);
	int (*settle)(struct queue *q, uint64_t seq, int64_t next);
	int (*load)(struct queue *q, uint64_t seq, struct buf *control);
	int (*peek)(struct queue *q, uint64_t seq, struct buf *control);
	int (*body)(struct queue *q, uint64_t seq, size_t max, struct buf *out);
	int (*body_fd)(struct queue *q, uint64_t seq);
	int (*each)(struct queue *q, void (*fn)(void *ctx, uint64_t seq, int64_t next), void *ctx);
	int (*tmpfile)(struct queue *q, char *name, size_t size);
	void (*tmpdrop)(struct queue *q, const char *name);
	void (*broken)(struct queue *q, uint64_t seq);
	void (*facts)(struct queue *q, struct buf *out);
	void (*close)(struct queue *q);
};
struct queue {
	const struct queue_ops *ops;
};

/* What the disk queue was found like at its start. */
struct queue_report {
	struct buf text; /* lines for the log, each a warning */
};

enum { QUEUE_SEGMENT_SIZE = 32 * 1024 * 1024, QUEUE_SEGMENTS_MAX = 4 };
struct queue_disk_config {
	const char *dir;     /* of the queue alone; made when it is missing */
	size_t segment_size; /* 0: QUEUE_SEGMENT_SIZE */
	void (*trouble)(void *ctx, const char *what, int error); /* to be logged */
	void *ctx;
};
/* Replays the journal first: afterwards every message is in files.  NULL: report says why. */
struct queue *queue_open_disk(
    struct loop *l, const struct queue_disk_config *c, struct queue_report *report);
/* Callbacks run from queue_ram_run, which returns how many there were. */
struct queue *queue_open_ram(void);
size_t queue_ram_run(struct queue *q);
/* As if the machine stopped: of what is unanswered the first `keep` calls had reached the disk. */
void queue_ram_crash(struct queue *q, size_t keep);
size_t queue_ram_pending(const struct queue *q);
void queue_ram_fail(
    struct queue *q, int error); /* commits and appends fail with it from now on; 0: no more */

/* n sequence numbers that were never given out and never will be again. */
static inline int queue_reserve(struct queue *q, uint32_t n, uint64_t *first)
{
	return q->ops->reserve(q, n, first);
}
static inline int queue_store(
    struct queue *q, const struct queue_commit *c, queue_answer cb, void *ctx)
{
	return q->ops->commit(q, c, cb, ctx);
}
/* lazy: within JOURNAL_LAZY_MS is soon enough.  cb may be NULL, here and below. */
static inline int queue_append(
    struct queue *q, uint64_t seq, struct str text, bool lazy, queue_answer cb, void *ctx)
{
	return q->ops->append(q, seq, text, lazy, cb, ctx);
}
/* The message is over; its number is unknown from now on.  Lazily durable. */
static inline int queue_remove(struct queue *q, uint64_t seq, queue_answer cb, void *ctx)
{
	return q->ops->remove(q, seq, cb, ctx);
}
static inline int queue_settle(struct queue *q, uint64_t seq, int64_t next)
{
	return q->ops->settle(q, seq, next);
}
/* The control text with all that was appended.  -1: ENOENT, EIO, EFBIG, ... */
static inline int queue_load(struct queue *q, uint64_t seq, struct buf *control)
{
	return q->ops->load(q, seq, control);
}
/* The same for a look only: the message stays put down. */
static inline int queue_peek(struct queue *q, uint64_t seq, struct buf *control)
{
	return q->ops->peek(q, seq, control);
}
/* The body when it has at most max bytes: 1; 0: larger, use queue_body_fd; -1 errno. */
static inline int queue_body(struct queue *q, uint64_t seq, size_t max, struct buf *out)
{
	return q->ops->body(q, seq, max, out);
}
/* A read-only descriptor that holds the body alone; the caller closes it. */
static inline int queue_body_fd(struct queue *q, uint64_t seq)
{
	return q->ops->body_fd(q, seq);
}
/* Every settled message, with the time of its next attempt (0: look into it). */
static inline int queue_each(
    struct queue *q, void (*fn)(void *ctx, uint64_t seq, int64_t next), void *ctx)
{
	return q->ops->each(q, fn, ctx);
}
static inline int queue_tmpfile_make(struct queue *q, char *name, size_t size)
{
	return q->ops->tmpfile(q, name, size);
}
static inline void queue_tmpfile_remove(struct queue *q, const char *name)
{
	q->ops->tmpdrop(q, name);
}
/* A message that cannot be read is put aside (folder broken) and forgotten. */
static inline void queue_set_aside(struct queue *q, uint64_t seq)
{
	q->ops->broken(q, seq);
}
static inline void queue_facts(struct queue *q, struct buf *out) /* NAME=value words */
{
	q->ops->facts(q, out);
}
/* Makes everything durable, then frees.  Callbacks that wait still run. */
static inline void queue_close(struct queue *q)
{
	q->ops->close(q);
}

#endif
