/* "| maildrop" instructions that the worker carries out itself (libs/filter/drop.h). */
#ifndef COURIER_LOCAL_WORKER_DROP_H
#define COURIER_LOCAL_WORKER_DROP_H

#include "local/worker.h"

/* What the options of such a command come to. */
struct drop_command {
	const char *user; /* -d */
	const char *file; /* manual mode */
	char **args;      /* ends with NULL */
	const char *warn_file;
	int warn_percent, verbose; /* -1, 0 */
	bool why;
};
/*
 * Pure: true when the rest of a command line behind the program's name has nothing for a shell but
 * variables of env, and no option that is not above.  Memory from the arena.
 */
bool drop_command_read(
    struct arena *a, const char *rest, char *const *env, struct drop_command *out);

/* Carries the command out and says true, when it is one that is understood here. */
bool worker_drop(struct job *j, const char *command, char *const *env, enum verdict *v);

/* For worker-filter.c: the same for "PROGRAM -D uid/gid -M args[0] args[1] ...", or false. */
struct drop_verdict {
	int status;
	bool late;
};
bool worker_drop_filter(const struct worker_filter *f, int message, char **args, char *const *env,
    struct buf *output, struct drop_verdict *v);

#endif
