/*
 * Mod-sequences (RFC 7162): for each message the number of its last change, for the folder the
 * highest of them.  They are in courierimapmodseq of the folder, beside the original's files, which
 * stay as they are:
 *
 *	1 <uidvalidity> <highest>
 *	<uid> <mod-sequence> <what its flags were, hexadecimal>		ascending UIDs
 *
 * Programs that know nothing of it may change the folder: each look compares what the file says of
 * flags and keywords with what is there, and what differs, is new or has gone gets a new number.
 * Numbers are microseconds of the clock (or one more than the highest), so a file that is lost, or
 *an old one after a crash, makes clients fetch flags once more, but never miss a change; therefore
 *it is not synced.  Lookers take turns by a lock on courierimapmodseq.lock.
 */
#ifndef COURIER_MAILDIR_MODSEQ_H
#define COURIER_MAILDIR_MODSEQ_H

#include "maildir/folder.h"

struct maildir_modseq {
	uint32_t uid;
	uint64_t modseq, state; /* state: of flags and keywords */
};

struct maildir_modseqs {
	VEC(struct maildir_modseq) v; /* ascending UIDs */
	uint64_t highest;
	/* internal: the file as it was last read or written */
	int64_t ns;
	ino_t ino;
};

/*
 * Syncs the folder, then brings numbers and file up to date.  What maildir_folder_sync returns, or
 * -1 with errno: the folder is lost (ESTALE, ENOENT), or the numbers cannot be kept.
 */
int maildir_modseqs_update(struct maildir_modseqs *m, struct maildir_folder *f);
/* The same, and the turn is kept until end (which updates again): for a change that depends on the
 * numbers.  begin: the lock, or -1. */
int maildir_modseqs_begin(struct maildir_modseqs *m, struct maildir_folder *f);
int maildir_modseqs_end(struct maildir_modseqs *m, struct maildir_folder *f, int lock);
void maildir_modseqs_free(struct maildir_modseqs *m);
uint64_t maildir_modseq_of(const struct maildir_modseqs *m, uint32_t uid); /* 0: unknown */

/* The file as text; pure.  Wrong lines are skipped; false at the end. */
bool maildir_modseq_head(struct str *rest, uint32_t *uidvalidity, uint64_t *highest);
bool maildir_modseq_line(struct str *rest, uint32_t *last, struct maildir_modseq *out);

#endif
