/*
 * courier import-queue: messages that wait in a queue directory of the original Courier.
 *
 * There, msgs/H/Cnnn is the control file and Dnnn the message; both belong to the submitter.  The
 * records are those of libs/queue/envelope.h, as far as the original has them.
 */
#ifndef COURIER_IMPORT_H
#define COURIER_IMPORT_H

#include "queue/envelope.h"

/* What the control text does not say itself. */
struct import_facts {
	struct queue_id id; /* the new one */
	uint32_t uid;       /* owner of the file */
	uint64_t size;      /* of the message */
	int64_t mtime;
	int64_t queuetime; /* for a text without a time of expiry */
};

/*
 * Pure.  Writes the control text of this suite: recipients that are done stay done, attempts are
 * counted on, routes are left to the gate.  old: gets the original's queue id (lives in the arena).
 * false with *why (static): not a control file of a message that waits.
 */
bool import_convert(struct str text, const struct import_facts *f, struct arena *a, struct buf *out,
    struct str *old, int64_t *next, const char **why);

#endif
