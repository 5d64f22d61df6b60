/*
 * Locks of mbox files: dot-locks and the kernel's.
 *
 * A dot-lock is a file made elsewhere and linked to its name, with "PID HOST" in it.  Whoever holds
 * one in a process with lock_watch() has its time refreshed, so that others do not take it for
 * stale; and the process is ended (EX_TEMPFAIL, locks removed, a half-written mailbox cut back)
 * when its time is over.
 */
#ifndef COURIER_MAILDIR_MBOX_LOCK_H
#define COURIER_MAILDIR_MBOX_LOCK_H

#include "base/base.h"

enum {
	LOCKS_HELD_MAX = 16,
	LOCK_REFRESH = 15,    /* seconds between refreshes, unless told otherwise */
	LOCK_UNREFRESHED = 20 /* no living holder leaves a lock as it is for so long */
};

struct lock_times {      /* seconds */
	int64_t sleep;   /* between attempts */
	int64_t stale;   /* so old is a foreign lock removed */
	int64_t give_up; /* 0: never */
};

/* 0, or -1 with errno; ETIMEDOUT.  stale_now: a lock whose process on this host is dead goes at
 * once. */
int dotlock_take(const char *path, const struct lock_times *t, bool stale_now);
void dotlock_drop(const char *path);
/* fcntl and flock both, as one; waits.  0, -1. */
int kernel_lock(int fd, bool read_only, const struct lock_times *t);

/* Starts the watch: seconds in all, and between refreshes. */
void lock_watch(unsigned seconds, unsigned refresh);
void lock_watch_end(void);
void lock_refresh_every(unsigned seconds);
/* While set (fd >= 0), the end of time cuts this file back. */
void lock_guard_file(int fd, off_t size);
/* While set (not 0), the end of time ends this process group, too. */
void lock_guard_group(pid_t group);

#endif
