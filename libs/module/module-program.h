/*
 * libs/module: running the programs that a transport needs, without a shell and never for ever.
 *
 * The program gets a process group of its own, no descriptor but its standard three, and the
 * environment it is given.  Its output (both kinds) is collected up to a limit; what comes beyond
 * is dropped.  It is killed with its group when its time is over.  Nothing here blocks.
 */
#ifndef COURIER_MODULE_PROGRAM_H
#define COURIER_MODULE_PROGRAM_H

#include "event/event.h"

struct program_spec {
	const char *const *argv; /* [0] with a slash, or looked for in PATH_DEFAULT */
	const char *const *env;
	const char *folder; /* NULL: as it is */
	int in;             /* standard input, duplicated; -1: none */
	int64_t time_ms;
	size_t output_max;
	/* For programs that look into strangers' data: no core, limited memory, file size and
	 * processor time, and no rights to gain.  0: none of these. */
	uint64_t memory_max, file_max;
};

enum program_end {
	PROGRAM_EXITED,  /* code */
	PROGRAM_KILLED,  /* code: the signal */
	PROGRAM_LATE,    /* its time was over */
	PROGRAM_MISSING, /* there is no such program */
	PROGRAM_FAILED,  /* it could not be started; code: errno */
};

struct program_result {
	enum program_end end;
	int code;
	struct str output; /* valid inside the callback */
};

typedef void (*program_done)(void *ctx, const struct program_result *r);
struct program;
/* The callback comes from the loop, never from inside the call. NULL: no memory, no callback. */
struct program *program_start(
    struct loop *l, const struct program_spec *spec, program_done cb, void *ctx);

/* In words, for logs and results: "ended with exit status 1: ..."; the output's last line that says
 * something is part of it. */
void program_explain(const struct program_result *r, const char *name, struct buf *out);

#endif
