/*
 * The language of .courier files (dot-courier(5)).  Pure: bytes in, instructions out.
 */
#ifndef COURIER_LOCAL_DOT_COURIER_H
#define COURIER_LOCAL_DOT_COURIER_H

#include "base/base.h"

enum {
	DOT_FILE_MAX = 64 * 1024, /* bytes of a file */
	DOT_LINES_MAX = 500,      /* instructions, each forward address counted */
	DOT_DYNAMIC_MAX = 8191,   /* bytes that a "||" command may print */
	DOT_DYNAMIC_DEPTH = 4,    /* "||" inside the output of "||" */
	DOT_NAME_MAX = 200        /* bytes of an extension that can have a file */
};

enum dot_kind { DOT_MAILBOX, DOT_PROGRAM, DOT_DYNAMIC, DOT_FORWARD };

struct dot_line {
	enum dot_kind kind;
	const char *text; /* terminated: path, command or one address */
};

struct dot_file {
	struct dot_line *line;
	size_t n;
	bool empty; /* not one byte in it: default delivery.  n == 0 without it: discard */
};

/* Memory from the arena.  NULL, or what is wrong with it (static text). */
const char *dot_parse(struct str text, struct arena *a, struct dot_file *out);

/*
 * The names that may hold the instructions for `ext`, in the order in which they are tried:
 * .DOT-a:b-c, .DOT-a:b-default, .DOT-default.  An empty ext has the one name .DOT.
 * step starts at 0 and is moved on; false when there is none any more, or never was (a slash in the
 * extension).  *rest: the part of ext that "default" stands for (empty for the exact name).
 */
struct dot_names {
	struct str dot, ext, seps;
	bool lower;
	size_t at; /* bytes of ext that the next name keeps */
	int step;
};
bool dot_names_next(struct dot_names *n, struct buf *name, struct str *rest);

#endif
