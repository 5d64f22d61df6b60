/* Private to courierlocal-worker. */
#ifndef COURIER_LOCAL_WORKER_H
#define COURIER_LOCAL_WORKER_H

#include "local/dot-courier.h"
#include "local/worker-proto.h"
#include "maildir/mbox-heal.h"

enum {
	WORKER_BATCH = 64,             /* deliveries made durable together */
	WORKER_HEAD_MAX = 1024 * 1024, /* bytes of a header that are looked at for loops */
	WORKER_LOCK_SECONDS = 30,      /* how long another program may hold an mbox */
	WORKER_ARENA_MAX = 4 * 1024 * 1024,
};

/* The message to deliver: bytes in memory, or a descriptor. */
struct message {
	struct str bytes; /* .p NULL: fd */
	int fd;           /* not owned; -1: inline */
	int copy;         /* a file made of inline bytes for programs; -1: none yet */
	uint64_t size;
};
void message_init(struct message *m, const struct worker_delivery *d, int fd);
void message_release(struct message *m);
/* Bytes read, 0 at the end, -1 with errno. */
ssize_t message_read(struct message *m, void *p, size_t n, uint64_t at);
/* A descriptor at position 0 for a program's standard input, or -1. It stays the message's. */
int message_stdin(struct message *m);
/* 1 when a Delivered-To line names the address already, 0 when none does, -1 errno. */
int message_loops(struct message *m, struct str address);
/* Pure: the same for the text of a header (whatever follows the first empty line is not looked at).
 */
bool header_delivered_to(struct str head, struct str address);

/* What a delivery has come to, and in which words. */
enum verdict { GO_ON, STOP, DEFERRED, FAILED, BOUNCED };

struct job {
	const struct worker_delivery *d;
	uint32_t id;
	struct arena *a;
	struct message msg;
	struct str fallback; /* the part of ext that "default" stood for */
	struct buf text;     /* diagnostic */
	char status[12];
	struct buf forwards;
	bool kept;             /* something was stored, or a program run */
	bool alone;            /* the instruction under way is the only one */
	char *place;           /* where the message stands, not synced; NULL: it is */
	uint64_t device;       /* of place */
	bool default_delivery; /* to the account's Maildir, which is made when it is missing */
};
/* Sets status and text (of errno with "%m") and returns the verdict. */
enum verdict job_verdict(struct job *j, enum verdict v, const char *status, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
enum verdict job_errno(struct job *j, const char *what, const char *path);
/* Delivered-To and Return-Path lines. */
void job_header(const struct job *j, struct buf *out);
void job_header_filter(const struct job *j, struct buf *out); /* in the order of maildrop's -A */
void job_from_line(const struct job *j, struct buf *out);     /* "From SENDER date", no line end */

enum { JOB_HEADER_MAX = 3 * WORKER_PATH_MAX };

/*
 * Maildirs.  start writes the message to tmp/; commit makes all that were started durable and
 * visible, and calls done() for each with its verdict.  now does both for one.
 */
struct batch {
	struct started {
		struct maildir_delivery *md;
		char *dir;
		uint32_t id;
		uint64_t size;
		bool no_sync; /* the queue keeps the message; place tells where it stands */
		uint64_t device;
		char *place;
		bool quota_fails; /* over quota is for ever */
		bool name_lost;   /* the folder could not be synced */
		int error;
	} item[WORKER_BATCH];
	size_t n;
	void (*done)(void *ctx, const struct started *s); /* error: errno or 0 */
	void *ctx;
};
int maildir_start(struct job *j, const char *dir, struct started *out); /* errno */
void maildir_commit(struct batch *b);
int maildir_now(struct job *j, const char *dir);
enum verdict maildir_verdict(struct job *j, int error, const char *dir);
/* After a delivery: the user is told when the mailbox is nearly full (libs/maildir/quota.h). */
void warning_take(const struct worker_delivery *d);
void warning_send(const char *dir);

/* worker-place.c */
char *place_text(const char *dir, const char *file); /* file: below new/ */
char *place_of(const char *path);                    /* the same of a whole path */
bool place_may_wait(int fd);         /* its file system's sync can be trusted and shared */
int place_sync_all(const char *dir); /* the whole file system */
/* Makes sure of the file that j->d->place names: true, *v is set.  False: there is no such mailbox
 * and the message is to be delivered like any other. */
bool place_secure(struct job *j, enum verdict *v);

/* Where a MAILBOX instruction leads to: 1 a Maildir, 0 an mbox file, -1 errno.  Makes a Maildir
 * that is missing, when the name says that it is one. */
int mailbox_kind(struct job *j, const char *path);

enum verdict mbox_deliver(struct job *j, const char *path);
/* Pure: `more` of a body with one more ">" where a line is any number of ">" and "From ".  *state
 * begins at 0; bytes may be held back until the next call or the end.  False: out is full. */
bool mbox_quote(struct str more, unsigned *state, struct buf *out);
bool mbox_quote_end(unsigned *state, struct buf *out); /* and the empty line after a message */

/* worker-filter.c: the filter of the account's owner; r->output lives in the arena. */
void worker_filter_run(
    const struct worker_filter *f, int message, struct arena *a, struct worker_filtered *r);

/* output: NULL (its text goes to the diagnostic) or where a "||" command's output is put. */
enum verdict program_run(struct job *j, const char *command, struct buf *output);
/* What a program's exit status means for the delivery; text may have what it said. */
enum verdict program_ended(struct job *j, int code);
/* Pure: the table of exit codes in dot-courier(5). */
enum verdict program_exit(int code);
/* Pure: the command with the lines of a mailbox as arguments, when it runs this maildrop; else as
 * it is. */
const char *program_command(struct arena *a, const char *command, struct str maildrop);
char **job_environment(struct job *j); /* in the arena; NULL without memory */

/* Finds and carries out the instructions.  True: the answer is in *v.  False: the delivery was
 * added to the batch. */
bool job_run(struct job *j, struct batch *b, enum verdict *v);
bool job_needs_fresh(const struct job *j); /* after a verdict of DEFERRED */
bool job_no_home(const struct job *j);     /* the same */

/* Opens the instructions for ext in the current folder: 1 with *text, 0 default delivery (no file,
 * empty ext), -1 no such extension, -2 cannot tell now (*why). */
int dot_find(const struct worker_rules *rules, struct str ext, struct buf *text, struct str *rest,
    struct buf *why);
/* chdir, refusing homes that are locked or that others may write.  0; -1 and *why; -2: there is no
 * such folder, and *why. */
int home_enter(const char *home, struct buf *why);
enum broker_looked_at worker_look(
    const struct worker_rules *rules, const char *home, struct str ext);

#endif
