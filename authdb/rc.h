/*
 * The files authldaprc, authmysqlrc, authpgsqlrc and authsqliterc: "NAME blanks value" lines, '#'
 * begins a comment line, a backslash at the end of a line goes on with the next one.  Pure but for
 * rc_load.
 */
#ifndef COURIER_AUTHDB_RC_H
#define COURIER_AUTHDB_RC_H

#include "base/base.h"

enum { RC_FILE_MAX = 256 * 1024, RC_ARENA_MAX = 2 * 1024 * 1024, RC_VALUES_MAX = 40 };

enum rc_type {
	RC_TEXT,
	RC_NUMBER, /* min to max */
	RC_FLAG,   /* 0 or 1 */
	RC_UNUSED, /* known, of no effect here: why says so */
};

struct rc_setting {
	const char *name;
	unsigned at; /* the index of its value; old names share one */
	enum rc_type type;
	const char *def; /* NULL: "" */
	uint64_t min, max;
	const char *why; /* RC_UNUSED */
};

struct rc_file {
	const char *name; /* "authldaprc" */
	const struct rc_setting *settings;
	size_t n;
	/* What the values are together.  NULL, or what is wrong (in the arena). */
	const char *(*judge)(const char *const *values, struct arena *a);
};

struct rc_fault {
	unsigned line; /* 0: the file as a whole */
	const char *why;
};

struct rc {
	const char *values[RC_VALUES_MAX]; /* terminated, in the arena, never NULL */
	struct rc_fault odd[20];           /* lines without effect */
	size_t n_odd;
};

int rc_parse(const struct rc_file *f, struct str text, struct arena *a, struct rc *out,
    struct rc_fault *fault);
/* etc/NAME.  *path in the arena.  A file that is missing is a fault. */
int rc_load(const struct rc_file *f, const char *etc, struct arena *a, struct rc *out,
    struct rc_fault *fault, const char **path);
uint64_t rc_number(const struct rc *rc, unsigned at);

#endif
