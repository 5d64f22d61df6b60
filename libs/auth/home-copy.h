/*
 * A home folder made from a skeleton (AUTH_MKHOMEDIR_SKEL).
 *
 * It is put together beside its place in a folder that only the caller may enter, given to its
 * owner, and appears under its name complete or not at all; what is there already stays.
 *
 * Root's rights are used only where root alone may change the folders on the way; elsewhere a link
 * or another folder could be put there, and a child that is the owner makes it.
 */
#ifndef COURIER_AUTH_HOME_COPY_H
#define COURIER_AUTH_HOME_COPY_H

#include "base/base.h"

#include <sys/types.h>

enum { HOME_ENTRIES_MAX = 10000, HOME_DEPTH_MAX = 20 };

struct home_plan {
	const char *skeleton, *home; /* absolute */
	uid_t uid;
	gid_t gid;
	bool give; /* the caller is root, the home is to be the owner's */
};

/* 0: there is a home now; -1 and *why.  Waits for the disk, and for the child. */
int home_copy(const struct home_plan *p, struct buf *why);

#endif
