/*
 * System calls that fail or kill on demand.  Linked into a test program its definitions stand
 * before those of libc (or preloaded: FAILSYS_AT, FAILSYS_ERRNO from the environment).  Calls that
 * change a file system are counted, in all threads, once failsys_arm was called; writes to pipes
 * and sockets are not.
 */
#ifndef COURIER_TESTS_FAILSYS_H
#define COURIER_TESTS_FAILSYS_H

#include <stdbool.h>

/* The at-th call (1 is the first) from now on: error 0 kills the process before it, else it fails
 * with that errno; forever: so do all that follow.  at 0: only count. */
void failsys_arm(long at, int error, bool forever);
long failsys_count(void);
void failsys_disarm(void);

#endif
