/*
 * Mod-sequences (RFC 7162): for each message the number of its last change, for the folder the
 * highest of them.  They are in courierimapmodseq of the folder, beside the original's files, which
 * stay as they are:
 *
 *	1 <uidvalidity> <highest>
 *	<uid> <mod-sequence> <what its flags were, hexadecimal>		ascending UIDs
 *	= <highest> <time of cur/> <of new/> <of keywords> <bytes before the first such line>
 *
 * and then, appended by each turn, what it changed (0 0: gone) and a "=" line.  What is behind the
 * last of these was cut off by a crash and counts for nothing (nobody has been told of it).  When
 * what was appended outgrows the first part the file is replaced.  A file without a "=" line is the
 * form before: all of it counts.
 *
 * Programs that know nothing of it may change the folder: each look compares what the file says of
 * flags and keywords with what is there, and what differs, is new or has gone gets a new number.
 * A session that does not use the numbers compares only the times of the "=" line (0: not known)
 * and appends another one with a higher number when they differ: so whoever heard of a number hears
 * of all that came after it.
 * Numbers are microseconds of the clock (or one more than the highest), so a file that is lost
 * makes clients fetch flags once more, but never miss a change; therefore it is not synced.
 * (A flag changed and changed back in the seconds before a power failure may be missed.)
 * Lookers take turns by a lock on courierimapmodseq.lock.
 */
#ifndef COURIER_MAILDIR_MODSEQ_H
#define COURIER_MAILDIR_MODSEQ_H

#include "maildir/folder.h"

struct maildir_modseq {
	uint32_t uid;
	uint64_t modseq, state; /* state: of flags and keywords; modseq 0: gone */
};

/* A "=" line. */
struct maildir_modseq_turn {
	uint64_t highest;
	uint64_t cur, fresh, words; /* times in ns; cur 0: not known */
	uint64_t base;
};

struct maildir_modseqs {
	VEC(struct maildir_modseq) v; /* ascending UIDs */
	uint64_t highest;
	/* internal: the file as it was last read or written */
	int64_t ns;
	ino_t ino;
	uint64_t size;
	bool whole; /* nothing can be appended to it */
	struct maildir_modseq_turn turn;
};

/*
 * Syncs the folder, then brings numbers and file up to date.  What maildir_folder_sync returns, or
 * -1 with errno: the folder is lost (ESTALE, ENOENT), or the numbers cannot be kept.
 */
int maildir_modseqs_update(struct maildir_modseqs *m, struct maildir_folder *f);
/* The same, and the turn is kept until end: for a change that depends on the numbers.  The lock, or
 * -1.  turn: for one that does not. */
int maildir_modseqs_begin(struct maildir_modseqs *m, struct maildir_folder *f);
int maildir_modseqs_turn(const struct maildir_folder *f);
/* Numbers for what was changed; reads the folder only when others have written numbers too. */
int maildir_modseqs_end(struct maildir_modseqs *m, struct maildir_folder *f, int lock);
/* The highest number of a folder that is as it was when that was written; else false. */
bool maildir_modseqs_peek(const struct maildir_folder *f, uint64_t *highest);
/* For who wants no more than the highest: a new one unless peek knows it, without comparing.
 * m has no numbers of messages then. */
int maildir_modseqs_glance(struct maildir_modseqs *m, struct maildir_folder *f);
void maildir_modseqs_free(struct maildir_modseqs *m);
uint64_t maildir_modseq_of(const struct maildir_modseqs *m, uint32_t uid); /* 0: unknown */

/* The file as text; pure.  Wrong lines are skipped.  parse: false when it is of no use, m is empty
 * then; more: what was appended since. */
bool maildir_modseqs_parse(struct maildir_modseqs *m, struct str text, uint32_t uidvalidity);
void maildir_modseqs_more(struct maildir_modseqs *m, struct str text);
bool maildir_modseq_head(struct str *rest, uint32_t *uidvalidity, uint64_t *highest);
bool maildir_modseq_turn(struct str line, struct maildir_modseq_turn *out);
void maildir_modseq_put(struct buf *text, const struct maildir_modseq *one);
void maildir_modseq_put_turn(struct buf *text, const struct maildir_modseq_turn *t);

#endif
