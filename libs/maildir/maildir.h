/*
 * libs/maildir: Maildir and Maildir++ (parity: access-formats sections 1 to 7).  One include.
 *
 * Everything here may be used by several processes on one Maildir at once, and stands other
 * programs changing it meanwhile.  Paths name a Maildir or a folder in it (`Maildir/.Sent`); a
 * folder is known by its `maildirfolder` file, quota then lies in its parent.  Calls return 0, or
 * -1 with errno set, unless their comment says otherwise.  Memory: mem_* (the process may die of
 * its lack), so this library is for workers, sessions and tools.
 */
#ifndef COURIER_MAILDIR_H
#define COURIER_MAILDIR_H

#include "base/base.h"

#include "maildir/name.h"
#include "maildir/deliver.h"
#include "maildir/quota.h"
#include "maildir/tree.h"
#include "maildir/keywords.h"
#include "maildir/folder.h"
#include "maildir/modseq.h"
#include "maildir/acl.h"
#include "maildir/access.h"
#include "maildir/shared-index.h"

#endif
