/* Between journal.c (the loop's side) and journal-segment.c (what the thread does). */
#ifndef COURIER_QUEUE_JOURNAL_PRIVATE_H
#define COURIER_QUEUE_JOURNAL_PRIVATE_H

#include "queue/disk-thread.h"
#include "queue/journal.h"

#include <sys/uio.h>

struct segment {
	struct disk_job job; /* first: its letting go */
	struct journal *journal;
	struct segment *next;
	uint32_t number;
	int fd;
	size_t used;
	unsigned lives;
	bool failed, releasing, keep_as_spare, kept_as_spare;
	int dirfd;
};

struct pending {
	struct pending *next;
	struct journal_put put; /* payload: in data */
	char *data;             /* head, a, b */
	size_t len;
	struct segment *segment; /* once written: where */
	uint64_t at;
};

struct group {
	struct disk_job job; /* first */
	struct journal *journal;
	struct pending *records;
	struct segment *segment;
	struct segment *seal; /* to be synced first: the segment before */
	bool fresh;           /* the segment must be made */
	char spare[24];       /* out of this file; empty: a new one */
	size_t size;
	int dirfd;
	size_t at;
	struct iovec iov[JOURNAL_GROUP_RECORDS * 2];
	int n_iov;
	bool sync;
	int error;
	bool make_failed, spare_used;
};

/* A spare segment, whole and synced; 0 or -1. */
int segment_spare(int dirfd, const char *name, size_t size);
void group_run(struct disk_job *job);
void segment_retire(struct disk_job *job);

#endif
