/*
 * The message of a transaction while it comes in.
 *
 * Header block and body are collected in memory; when the body passes QUEUE_INLINE_MAX the
 * scheduler is asked for a file, and as soon as it is there the finished header and the body are
 * written to it.  The header is finished as late as possible, since what it says of the body (8-bit
 * or not) must be true.
 */
#ifndef COURIER_SUBMIT_SPOOL_H
#define COURIER_SUBMIT_SPOOL_H

#include "mime/mime.h"
#include "submit/process.h"

struct spool {
	struct gate_process *gate;
	struct policy *policy;
	struct arena *mime_arena;
	struct mime_parser *mime;
	struct buf head; /* as it came, until the empty line */
	struct buf body; /* in memory: all of it, or what waits for the file */
	struct buf done; /* the finished header */
	bool head_ended, finished, junk;
	bool eight_bit;  /* in what has come so far of the body */
	uint64_t size;   /* received */
	uint64_t looked; /* at the disk, when so much had come */
	int fd;          /* -1: inline so far */
	char file[QUEUE_TMP_NAME_SIZE];
	uint32_t asked; /* for the file; 0: not */
	uint64_t written;
	enum reply_id error; /* REPLY_OK: none so far */
	/* Writes the new header to out; called once. */
	enum header_verdict (*header)(void *ctx, struct str block, bool add_mime, struct buf *out);
	void (*file_there)(void *ctx); /* what waited for the file may go on */
	void *ctx;
};

enum { SPOOL_WAIT_MAX = 32 * 1024 * 1024 }; /* bytes that may wait for the file */

void spool_init(struct spool *s, struct gate_process *g, struct policy *p);
void spool_free(struct spool *s); /* drops the file unless spool_hand_over was called */
void spool_add(struct spool *s, struct str bytes);
/* The end: 1 ready, 0 the file is not there yet (file_there will be called; call again).  Then
 * s->error says whether it is good. */
int spool_end(struct spool *s);
/* Facts of the message. */
bool spool_faults(struct spool *s, struct mime_result *out);

/* Whether the queue's file system has room (settings sizecheck); `more` bytes are expected. */
bool disk_has_room(const struct gate_process *g, const struct policy *p, uint64_t more);

#endif
