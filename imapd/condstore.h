/* CONDSTORE and QRESYNC (RFC 7162) of a session; the numbers are libs/maildir/modseq.h. */
#ifndef COURIER_IMAPD_CONDSTORE_H
#define COURIER_IMAPD_CONDSTORE_H

#include "imapd/session.h"

/* What stands behind the name in SELECT: "(CONDSTORE)", "(QRESYNC (1 2 1:5 (1 1)))".  Pure. */
struct select_params {
	bool condstore, qresync, has_known;
	uint32_t uidvalidity;
	uint64_t modseq;
	struct seqset known;
};
bool select_params_parse(struct parser *p, struct select_params *out);

/* Ranges in order, joined where they touch, "*" being max, nothing beyond it.  Pure; in place. */
void ranges_tidy(struct seqset *set, uint32_t max);

/* The client uses mod-sequences from now on.  False: this folder has none, which is said. */
bool condstore_start(struct session *s);
/* The same for a command that needs them; reply made. */
bool condstore_on(struct session *s);
/* The folder in step with the disk, with numbers when the client uses them; as
 * maildir_folder_sync. */
int mailbox_sync(struct session *s);
/* To the log, with errno; a folder that is not ours to write in is no fault. */
void warn_no_modseqs(const struct session *s);
uint64_t modseq_of(const struct session *s, size_t index);
/* "* VANISHED (EARLIER) ..." of the UIDs in the set that are no messages. */
void put_vanished_earlier(struct session *s, const struct seqset *set);
/* "* OK [HIGHESTMODSEQ n]", or that there are none. */
void put_highest(struct session *s);
/* After SELECT (QRESYNC ...): what has changed. */
void put_resync(struct session *s, const struct select_params *q);
/* "* 3 FETCH (UID 5 FLAGS () MODSEQ (7))" as the client wants it; flags false: without them. */
void put_flags_line(struct session *s, size_t index, bool flags);

#endif
