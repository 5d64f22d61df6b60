/*
 * Files of the drop folder: mail that sendmail has put aside while the gate was not there.
 *
 *	courier-drop 1 LF
 *	sender ADDRESS LF                  each value in field_encode form
 *	rcpt ADDRESS TAB ORCPT TAB NOTIFY LF          one or more
 *	envid TEXT LF   ret F|H LF   verp LF          when given
 *	bytes N LF LF
 *	the message, N bytes, LF line ends, and the file ends
 *
 * A file without its end is not mail yet: its writer is still at it, or was interrupted and has
 * told its caller so.  Whose it is the file's owner tells.  Parsing is pure; any user may write
 * there, and none may look: the folder has mode 1730, the gate as owner and sendmail's group.
 */
#ifndef COURIER_SUBMIT_DROP_H
#define COURIER_SUBMIT_DROP_H

#include "gate/gate.h"

enum { DROP_RCPTS_MAX = 10000, DROP_HEAD_MAX = 16 * 1024 * 1024 };

struct drop {
	struct str sender, envid;
	char ret;
	bool verp;
	struct gate_rcpt *rcpts; /* in the arena */
	size_t n;
	uint64_t bytes;
};

/* Adds everything in front of the message. */
bool drop_encode(const struct drop *d, struct buf *out);
/* head: the file's beginning.  1: *body is where the message begins; 0: more is needed (there is no
 * empty line yet); -1: not a drop file, *why tells. */
int drop_decode(struct str head, struct arena *a, struct drop *d, size_t *body, const char **why);

#endif
