/* Inside of the disk queue: store.c (messages), store-move.c (from the journal to files),
 * store-files.c (names and files), store-replay.c (the start). */
#ifndef COURIER_QUEUE_STORE_H
#define COURIER_QUEUE_STORE_H

#include "queue/disk-thread.h"
#include "queue/journal.h"
#include "queue/queue.h"

enum stored_state { STORED_COMMITTING, STORED_JOURNAL, STORED_MOVING, STORED_FILE };

struct stored {
	uint64_t seq;
	enum stored_state state;
	bool datafile;      /* the body is in msgs/H/Dnnn */
	bool parked;        /* settled: forget it when it is a file */
	bool removed;       /* queue_remove was called */
	unsigned appends;   /* under way */
	uint32_t control_n; /* of the first text, in the journal */
	uint32_t body_n;
	struct segment *segment;
	uint64_t at;     /* payload in the segment */
	uint64_t length; /* of the control text with everything appended, also what is under way */
	struct buf flying; /* what is being appended: who reads the text sees it */
	struct buf tail;   /* what was appended durably while it lives in the journal */
	/* STORED_FILE: the file could not take what is in tail, which belongs at file_n */
	bool behind;
	uint64_t file_n;
	int64_t next;
	struct stored *next_move;
	queue_answer remove_cb; /* of a removal that waits for the end of a move */
	void *remove_ctx;
};

struct store {
	struct queue queue; /* first */
	struct loop *loop;
	struct queue_disk_config config;
	int dir, journal_dir, msgs_dir, tmp_dir, lock;
	struct journal *journal;
	struct disk_thread *files;
	/* Removes files, and lets segments go when what their records removed is off the disk. */
	struct disk_thread *trash;
	struct map *messages; /* seq -> stored: in the journal, or loaded */
	struct stored *to_move, **to_move_tail;
	size_t n_to_move;
	bool moving;
	struct timer *retry;
	uint64_t next_seq, reserved; /* numbers below `reserved` may be given out */
	uint64_t tmp_count;
	size_t in_journal, n_behind;
	struct segment *held; /* is let go when no file is behind */
	bool closing;
};

static inline struct str seq_key(const uint64_t *seq)
{
	return str_at(seq, sizeof *seq);
}
struct stored *store_get(struct store *s, uint64_t seq);
struct stored *store_add(struct store *s, uint64_t seq); /* NULL: errno */
void store_forget(struct store *s, struct stored *m);    /* out of the map, freed */
/* The removal that came while the files were written; m may be gone afterwards. */
void store_remove_late(struct store *s, struct stored *m);
void store_trouble(struct store *s, const char *what, int error);
int queue_append_joined(struct store *s, struct stored *m, struct str text);

/* store-commit.c */
int store_commit(struct queue *q, const struct queue_commit *c, queue_answer cb, void *ctx);

/* store-load.c */
int store_control(struct store *s, struct stored *m, struct buf *out);
int store_peek(struct queue *q, uint64_t seq, struct buf *control);
int store_load(struct queue *q, uint64_t seq, struct buf *control);

/* store-move.c: not on the loop, for on some disks it takes milliseconds. */
void store_unlink_later(struct store *s, uint64_t seq);

/* store-body.c */
int store_body(struct queue *q, uint64_t seq, size_t max, struct buf *out);
int store_body_fd(struct queue *q, uint64_t seq);
int store_tmpfile(struct queue *q, char *name, size_t size);
void store_tmpdrop(struct queue *q, const char *name);
void store_broken(struct queue *q, uint64_t seq);

/* store-move.c */
void store_move(struct store *s, struct stored *m);
void store_move_oldest(struct store *s); /* keeps the journal short */
void store_move_cancel(struct store *s);
void store_release(void *ctx, struct segment *seg);
/* A control file that could not be written (a full disk) keeps the journal from being let go, for
 * what was appended stands only there; it is tried again. */
void store_behind(struct store *s, struct stored *m, uint64_t file_n);
int store_catch_up(struct store *s, struct stored *m);
void store_not_behind(struct store *s, struct stored *m);

/* store-files.c: names below msgs */
enum { STORE_NAME_SIZE = 48, STORE_FOLDERS = 100 };
void store_name(char out[STORE_NAME_SIZE], char letter, uint64_t seq); /* "17/C4711" */
int store_folder(int msgs_dir, uint64_t seq);                          /* makes msgs/H; 0 or -1 */
int store_write(int msgs_dir, char letter, uint64_t seq, struct str text, int64_t mtime, bool sync);
int store_sync_folder(int msgs_dir, uint64_t seq);
/* Into C; its mtime is set anew afterwards unless it is 0. */
int store_write_at(int msgs_dir, uint64_t seq, struct str text, uint64_t at, int64_t mtime);
enum { STORE_TIME_UNKNOWN = 1 };               /* as an mtime: look into the message */
void store_unlink(int msgs_dir, uint64_t seq); /* C and D */
bool store_parse_name(const char *name, char *letter, uint64_t *seq);
int store_sync_all(int dir); /* the whole file system */

/*
 * store-scan.c: every control file with its mtime.  report given: this is the start, so data files
 * that nothing refers to are removed and what does not belong there is reported.
 */
int store_scan(int msgs_dir, struct queue_report *report,
    void (*fn)(void *ctx, uint64_t seq, int64_t next), void *ctx);
void store_sweep(int tmp_dir); /* removes all files */

/* store-replay.c */
int store_replay(struct store *s, struct queue_report *report, uint32_t *next_segment,
    uint64_t *top_seq, void (*spare)(void *ctx, const char *name), void *ctx);
void report_line(struct queue_report *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* store-open.c */
int store_reserve_more(struct store *s, uint64_t at_least);
void store_close(struct queue *q);

extern const struct queue_ops store_ops;

#endif
