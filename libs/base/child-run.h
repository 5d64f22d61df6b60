/*
 * libs/base: runs a program to its end, or kills it with its process group when its time is over.
 * The caller waits.  Children that the program leaves behind do not hold it up, unless `to_end`.
 */
#ifndef COURIER_BASE_CHILD_RUN_H
#define COURIER_BASE_CHILD_RUN_H

#include <sys/types.h>
#include "base/buf.h"

struct child_run {
	char **argv, **env;
	bool search;      /* argv[0] is looked for in PATH; else it is an absolute path */
	int in;           /* becomes its standard input */
	int64_t deadline; /* of clock_mono_ms; 0: none */
	uint64_t memory;  /* bytes it may have; 0: no limit */
	/* Standard output and error, as far as they have room; NULL: ours.  One for both is fine.
	 */
	struct buf *out, *err;
	/* out has no room for what has come: empties it (0), or -1.  NULL: the rest is dropped. */
	int (*overflow)(void *ctx, struct buf *out);
	void *ctx;
	bool to_end; /* until everybody has closed the output; too much of it ends the program */
	void (*group)(pid_t group); /* told the process group, and 0 at the end; NULL: nobody */
	/* how it went */
	bool late, full; /* killed; out or err was too small */
	int status;      /* of waitpid */
};
int child_run(struct child_run *r); /* 0; -1 errno: not started */

#endif
