/*
 * The message of a transaction while it comes in.
 *
 * Header block and body are collected in memory; when the body passes QUEUE_INLINE_MAX the
 * scheduler is asked for a file, and as soon as it is there the finished header and the body are
 * written to it.  The header is finished as late as possible, since what it says of the body (8-bit
 * or not) must be true.  When the body is to be converted, or has 8-bit bytes that the header in
 * the file does not know of, the message is written once more, a slice at a time (spool-finish.c).
 */
#ifndef COURIER_SUBMIT_SPOOL_H
#define COURIER_SUBMIT_SPOOL_H

#include "mime/mime.h"
#include "submit/process.h"

enum mime_mode { SPOOL_MIME_ADD, SPOOL_MIME_NONE, SPOOL_MIME_7BIT, SPOOL_MIME_8BIT };
bool spool_mime_parse(struct str s, enum mime_mode *out); /* none, 7bit, 8bit */

struct spool {
	struct gate_process *gate;
	struct policy *policy;
	struct arena *mime_arena;
	struct mime_parser *mime;
	struct mime_result result; /* after spool_end */
	enum mime_mode mime_mode;
	bool declared_utf8;  /* SMTPUTF8 was said: 8-bit headers stay */
	uint64_t size_limit; /* 0: none */
	struct buf head;     /* as it came, without the empty line */
	struct buf body;     /* in memory: all of it, or what waits for the file */
	struct buf done;     /* the finished header */
	bool head_ended, finished, junk;
	bool held;                 /* the header is not to be finished yet */
	bool begun;                /* spool_finish was there */
	bool said_mime;            /* the finished header calls the body 8-bit text */
	bool body8, headers8;      /* after spool_finish: what the message is now */
	struct rewrite_job *again; /* the message is being written once more */
	bool eight_bit;            /* in what has come so far of the body */
	uint64_t size;             /* received */
	uint64_t looked;           /* at the disk, when so much had come */
	int fd;                    /* -1: inline so far */
	char file[QUEUE_TMP_NAME_SIZE];
	uint32_t asked; /* for the file; 0: not */
	uint64_t written;
	unsigned refusals;   /* of memory, when it began */
	enum reply_id error; /* REPLY_OK: none so far */
	/* Writes the new header to out; called once. */
	enum header_verdict (*header)(void *ctx, struct str block, bool add_mime, struct buf *out);
	void (*file_there)(void *ctx); /* what waited for the file may go on */
	void *ctx;
};

enum { SPOOL_WAIT_MAX = 32 * 1024 * 1024 }; /* bytes that may wait for the file */

void spool_init(struct spool *s, struct gate_process *g, struct policy *p);
/* Another limit than the policy's, before the first byte. */
void spool_limit_header(struct spool *s, size_t max);
void spool_free(struct spool *s); /* drops the file unless spool_hand_over was called */
void spool_add(struct spool *s, struct str bytes);
/* The end: 1 ready, 0 the file is not there yet, or the message is held (file_there will be called;
 * call again).  Then
 * s->error says whether it is good. */
int spool_end(struct spool *s);
/* Facts of the message; false: it is too complex. */
/* why, a permanent fault, when no memory was missing meanwhile; else the temporary one. */
enum reply_id spool_limit(const struct spool *s, enum reply_id why);
bool spool_faults(struct spool *s, struct mime_result *out);
/* After spool_end, when the message is to be kept: conversion and sync.  As spool_end. */
int spool_finish(struct spool *s);

/* Between spool.c and spool-finish.c. */
void spool_fail(struct spool *s, enum reply_id why);
void spool_make_header(struct spool *s, struct str block, bool add_mime);
void spool_write(struct spool *s, struct str bytes);
bool spool_ask(struct spool *s); /* for a file; then what is done and the body are written */
void rewrite_job_free(struct spool *s);

/* Whether the queue's file system has room (settings sizecheck); `more` bytes are expected. */
bool disk_has_room(const struct gate_process *g, const struct policy *p, uint64_t more);

#endif
