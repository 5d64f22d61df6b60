/*
 * Opens an mbox to append to it.
 */
#ifndef COURIER_MAILDIR_MBOX_OPEN_H
#define COURIER_MAILDIR_MBOX_OPEN_H

#include "base/base.h"

/*
 * Made with mode when it is missing (*made).  In a folder that everybody may write to, a spool of
 * mailboxes for instance, somebody could have put there a file of his own, to read what comes in,
 * or a link that leads to another file of the account: what stands there must belong to the account
 * or to the folder's owner, and have no other name.  -1: errno, EPERM when it is a stranger's.
 */
int mbox_open(const char *path, mode_t mode, bool *made);

#endif
