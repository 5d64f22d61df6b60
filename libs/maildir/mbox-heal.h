/*
 * Half a message at the end of an mbox, which a kill has left, is found and cut off.
 */
#ifndef COURIER_MAILDIR_MBOX_HEAL_H
#define COURIER_MAILDIR_MBOX_HEAL_H

#include "base/base.h"

/*
 * A worker that is killed while it appends leaves half a message.  So it first notes the file's
 * length and how the message begins in an extended attribute of the file; heal, called by whoever
 * has the lock next, cuts the half message off again, unless something else stands there or another
 * program has appended something behind it.
 */
void mbox_note(int fd, off_t end, struct str head);
void mbox_noted(int fd); /* all of it is there */
int mbox_heal(int fd);

#endif
