/*
 * The journal's bytes: pure encoder and reader of segments.
 *
 * A segment is a file of fixed length: JOURNAL_START bytes of header, then records, each at a
 * multiple of 8.  What is written with one write is a group; its first and last records are marked.
 * A checksum covers head and payload; the segment's number is part of the head, so what is left of
 * a segment's former life is never taken for a record.
 *
 * Reading: a group is written only after the one before it is on the disk, so damage that lies
 * before a later group is rot (what is whole is kept, and it is reported), and damage in the last
 * group means a torn write (the group is dropped whole: nobody was told yes).
 */
#ifndef COURIER_QUEUE_JOURNAL_RECORD_H
#define COURIER_QUEUE_JOURNAL_RECORD_H

#include "base/base.h"

enum { JOURNAL_START = 4096, JOURNAL_HEAD = 40, JOURNAL_PAYLOAD_MAX = 9 * 1024 * 1024 };

enum journal_type {
	JOURNAL_MESSAGE = 1,   /* aux: length of the control text, the body follows it */
	JOURNAL_REFERENCE = 2, /* control text; the body is in the data file */
	JOURNAL_APPEND = 3,    /* aux: offset in the control text at which the payload belongs */
	JOURNAL_DONE = 4,      /* the message is gone */
	JOURNAL_MOVED = 5,     /* its files are complete and on the disk: they are the truth now */
};
enum { JOURNAL_FIRST = 1, JOURNAL_LAST = 2 }; /* flags */

struct journal_record {
	uint8_t type, flags;
	uint32_t group, aux;
	uint64_t id;        /* the message's sequence number */
	struct str payload; /* when read: a view */
	size_t at;          /* offset of the head in the segment, when read */
};

static inline size_t journal_padded(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

/* The head of a record with `length` bytes of payload, still without group and checksum. */
void journal_head(char head[JOURNAL_HEAD], const struct journal_record *r, size_t length);
/* Completes it: the payload's bytes do not change afterwards. */
void journal_head_group(
    char head[JOURNAL_HEAD], uint32_t segment, uint32_t group, uint8_t flags, struct str payload);

/* The header of a segment. */
enum { JOURNAL_SEGMENT_HEAD = 32 };
void journal_segment_head(char out[JOURNAL_SEGMENT_HEAD], uint32_t segment, uint64_t size);
bool journal_segment_check(struct str bytes, uint32_t segment);

struct journal_damage {
	size_t bytes;   /* skipped before a later record */
	unsigned gaps;  /* in so many places */
	size_t dropped; /* records of a torn last group */
};
/*
 * Calls each() for the records of a segment in order; it returns false to stop.  The segment's own
 * header is not asked: each record names its segment, and rot in the first page is no reason to
 * forget what stands behind it.  Returns how many records were shown.
 */
size_t journal_scan(struct str bytes, uint32_t segment, struct journal_damage *damage,
    bool (*each)(void *ctx, const struct journal_record *r), void *ctx);

#endif
