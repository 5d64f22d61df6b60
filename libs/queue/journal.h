/*
 * The journal: segments on the disk, group commit, and the order in which segments are let go.
 *
 * Everything put while a write is under way forms the next group: one pwritev and, when anything in
 * it asks for it, one fdatasync, in a thread of their own.  Groups without it are synced with a
 * later group or after JOURNAL_LAZY_MS.  A failed write or sync is final for its segment: it is set
 * aside (read at the next start, never written again) and the journal goes on in a new one;
 * messages of the failed group are refused, all other records are put again.
 *
 * Segments are let go oldest first and only when no message in them is alive: a record that says
 * "done" must not vanish before the message it speaks of.  The caller counts lives.
 */
#ifndef COURIER_QUEUE_JOURNAL_H
#define COURIER_QUEUE_JOURNAL_H

#include "event/event.h"
#include "queue/journal-record.h"

enum {
	JOURNAL_LAZY_MS = 50,
	JOURNAL_GROUP_RECORDS = 300,
	JOURNAL_GROUP_BYTES = 8 * 1024 * 1024,
	JOURNAL_SPARES = 2
};

struct segment;
struct journal;

struct journal_handlers {
	/* Segment `s` has nothing alive and may go; before that: make what its records caused in
	 * other files durable, then journal_let_go. */
	void (*release)(void *ctx, struct segment *s);
	/* A segment was set aside or could not be made; error says why.  Logged by the caller. */
	void (*trouble)(void *ctx, const char *what, int error);
};

/* dirfd: the folder, open; it is the caller's.  first: number of the first segment to be written.
 * What stands in older segments must have been dealt with.  NULL with errno. */
struct journal *journal_open(struct loop *l, int dirfd, uint32_t first, size_t segment_size,
    const struct journal_handlers *h, void *ctx);
/* A file of the folder that may become a segment: "spare.NNNNNNNN". */
void journal_add_spare(struct journal *j, const char *name);
void journal_warm(
    struct journal *j); /* makes the first segment, and a spare, before they are needed */
void journal_close(struct journal *j); /* writes and syncs what waits */

/*
 * Puts a record.  Both parts of the payload are copied.  cb (may be NULL) runs from the loop with
 * error 0 when it is durable, and tells where the payload stands; the segment counts one more life
 * when `alive`.  A lazy record is written at once but may wait for the next sync that others ask
 * for. -1: no memory or too large.
 */
struct journal_put {
	uint8_t type;
	uint64_t id;
	uint32_t aux;
	struct str a, b;
	bool lazy, alive;
	bool joined; /* goes into the same group as the record put next */
	void (*cb)(void *ctx, int error, struct segment *s, uint64_t payload_at);
	void *ctx;
};
int journal_put(struct journal *j, const struct journal_put *p);
void journal_unlive(struct journal *j, struct segment *s); /* one life less */
void journal_let_go(struct journal *j, struct segment *s); /* answer to release() */

int segment_fd(const struct segment *s);
uint32_t segment_number(const struct segment *s);
size_t journal_segments(const struct journal *j); /* in use */
uint32_t journal_oldest(const struct journal *j); /* number of the oldest in use */
uint64_t journal_syncs(const struct journal *j);  /* for tests and status */
void journal_name(uint32_t number, char out[16]); /* "%08x" */

#endif
