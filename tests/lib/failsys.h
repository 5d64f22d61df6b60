/*
 * System calls that fail or kill on demand.  Linked into a test program its definitions stand
 * before those of libc.
 *
 * Preloaded into a whole instance (LD_PRELOAD=DIR/failsys.so) it obeys the file DIR/failsys.so.ctl,
 * a struct failsys, which every process maps: the test writes into it whom to hurt next and reads
 * how often it happened, while the instance runs.
 */
#ifndef COURIER_TESTS_FAILSYS_H
#define COURIER_TESTS_FAILSYS_H

#include <stdatomic.h>
#include <stdbool.h>

/* Which calls count, in all threads.  Writes to pipes and sockets never do. */
enum {
	FAILSYS_WRITE = 1,
	FAILSYS_SYNC = 2,
	FAILSYS_NAME = 4, /* rename, link, unlink, mkdir, times */
	FAILSYS_CREATE = 8,
	FAILSYS_FILES = 15, /* all that changes a file system */
	FAILSYS_OPEN = 16,  /* without creating */
	FAILSYS_FORK = 32,
	FAILSYS_ACCEPT = 64,
	FAILSYS_SOCKET = 128, /* socket, socketpair, pipe, memfd, eventfd, dup */
	FAILSYS_READ = 256,   /* of files */
	FAILSYS_MEMORY = 512, /* malloc, calloc, realloc; preloaded only */
};

struct failsys {
	_Atomic int armed;
	int at, error, forever, classes;
	_Atomic int count, hits;
	char program[64]; /* file name; empty: all */
};

/* The at-th call (1 is the first) of FAILSYS_FILES from now on: error 0 kills the process before
 * it, else it fails with that errno; forever: so do all that follow.  at 0: only count. */
void failsys_arm(long at, int error, bool forever);
long failsys_count(void);
void failsys_disarm(void);

#endif
