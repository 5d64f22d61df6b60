/*
 * The delivery language of maildropfilter(7): text to tree, tree to actions.
 *
 * A filter is parsed whole, before anything is done.  Its evaluation is pure but for a `struct
 * filter_host`: a small table of actions, through which alone files are touched, programs run and
 * messages delivered.  A test or a fuzzer gives simulated ones; another language could drive the
 * same.
 *
 * Bounds: FILTER_* below.  A filter that passes one ends with an error, never with a wrong answer;
 * the caller then defers the message (EX_TEMPFAIL).  Memory: mem_* (a process that may die).
 */
#ifndef COURIER_FILTER_FILTER_H
#define COURIER_FILTER_FILTER_H

#include "base/base.h"

enum {
	FILTER_FILE_MAX = 4 * 1024 * 1024,    /* bytes of one filter file */
	FILTER_NESTING_MAX = 1000,            /* blocks in blocks, expressions in expressions */
	FILTER_INCLUDE_MAX = 20,              /* files that include files */
	FILTER_STEPS_MAX = 20 * 1000 * 1000,  /* statements carried out */
	FILTER_VALUE_MAX = 8 * 1024 * 1024,   /* bytes of one value */
	FILTER_VARS_MAX = 64 * 1024 * 1024,   /* bytes of all variables */
	FILTER_MATCHES_MAX = 1000 * 1000,     /* of one foreach */
	FILTER_MATCH_STEPS = 2 * 1000 * 1000, /* PCRE2's match limit, for one line */
	FILTER_MATCH_HEAP = 64 * 1024,        /* its heap limit, KiB */
	FILTER_ERROR_MAX = 2000,
	FILTER_CACHE_FILES = 64, /* what a cache keeps from one message to the next */
	FILTER_CACHE_BYTES = 4 * 1024 * 1024
};

/* ---- parsing --------------------------------------------------------------------------------- */

struct filter;
/* name: for messages.  NULL: error has "NAME:LINE:COLUMN: what is wrong". */
struct filter *filter_parse(const char *name, struct str text, struct buf *error);
void filter_free(struct filter *f); /* NULL is fine */

/*
 * Parsed files with their compiled patterns, kept for the next message.  A file is asked for by its
 * name and its text as it is now: the text is compared, so a change can't be missed, and reading it
 * costs next to nothing beside parsing it.  What get gives is good until the next trim, which
 * nobody calls while a filter runs.
 */
struct filter_cache;
struct filter_cache *filter_cache_new(void);
struct filter *filter_cache_get(
    struct filter_cache *c, const char *name, struct str text, struct buf *error);
void filter_cache_trim(struct filter_cache *c);
void filter_cache_free(struct filter_cache *c); /* NULL is fine */

/* ---- what a filter looks at ------------------------------------------------------------------ */

/* The message: `extra` (whole header lines of -A) stands in front of `bytes`.  Views. */
struct filter_message {
	struct str extra, bytes;
};

/* ---- actions --------------------------------------------------------------------------------- */

enum filter_program {
	FILTER_SYSTEM,   /* nothing on its standard input */
	FILTER_BACKTICK, /* the message there, output wanted */
	FILTER_XFILTER,  /* the message there; its output is for replace() */
};

struct filter_run;

/*
 * Each returns 0, or -1 with a reason in filter_fail().  NULL members: the action is an error
 * ("not allowed here").
 */
struct filter_host {
	/* where: a mailbox, "|command" or "!addresses".  *code: exit status of a command, else -1.
	 */
	int (*deliver)(struct filter_run *r, struct str where, int *code);
	/* output: for FILTER_BACKTICK */
	int (*program)(struct filter_run *r, enum filter_program kind, struct str command,
	    struct buf *output, int *status);
	int (*replace)(struct filter_run *r); /* after FILTER_XFILTER: that becomes the message */
	void (*echo)(struct filter_run *r, struct str text);
	int (*log)(struct filter_run *r, struct str text);
	int (*logfile)(struct filter_run *r, struct str path);
	int (*lock)(struct filter_run *r, bool dot, struct str path, void **lock);
	void (*unlock)(struct filter_run *r, void *lock);
	/* Of a file to include: NULL, with a reason.  Stays its maker's.  NULL member: read_file
	 * and filter_parse. */
	struct filter *(*include)(struct filter_run *r, struct str path, struct buf *error);
	/* A file without name for texts that are too large for memory, or -1. */
	int (*scratch)(struct filter_run *r);
	/* A text file: of patterns, or a filter to include.  trusted: it is one of the
	 * administrator's, whose rights are wider. */
	int (*read_file)(struct filter_run *r, struct str path, struct buf *out);
	bool (*trusted)(struct filter_run *r, struct str path);
	/* A database.  open gives NULL where it is not there; fetch 1, 0 or -1. */
	void *(*db_open)(struct filter_run *r, struct str path, char mode);
	int (*db_fetch)(struct filter_run *r, void *db, struct str key, struct buf *out);
	int (*db_store)(struct filter_run *r, void *db, struct str key, struct str value);
	int (*db_close)(struct filter_run *r, void *db);
};

/* ---- running --------------------------------------------------------------------------------- */

/* host and ctx stay the caller's. */
struct filter_run *filter_run_new(
    const struct filter_host *host, void *ctx, struct filter_message m);
void filter_run_free(struct filter_run *r);
void *filter_ctx(const struct filter_run *r);
void filter_embedded(struct filter_run *r, bool yes);            /* the language of -m and -M */
void filter_deadline(struct filter_run *r, int64_t ms);          /* of clock_mono_ms; 0: none */
void filter_environment(struct filter_run *r, char *const *env); /* for `import`; not copied */
void filter_message_set(struct filter_run *r, struct filter_message m);
struct filter_message filter_message_of(const struct filter_run *r);

/* Names and values are copied.  An absent variable is the empty string. */
bool filter_set(struct filter_run *r, struct str name, struct str value); /* false: too much */
void filter_unset(struct filter_run *r, struct str name);
struct str filter_get(const struct filter_run *r, const char *name);
struct str filter_get_str(const struct filter_run *r, struct str name);
int64_t filter_number(const struct filter_run *r, const char *name, int64_t otherwise);
/* "NAME=value" for each variable that can be one, and a NULL; free with filter_environ_free. */
char **filter_environ(const struct filter_run *r);
void filter_environ_free(char **env);

enum filter_end {
	FILTER_FELL_THROUGH, /* to the end: nobody disposed of the message */
	FILTER_DELIVERED,    /* by `to` */
	FILTER_EXIT,
	FILTER_ERROR, /* filter_error_text says what */
};
enum filter_end filter_execute(struct filter_run *r, const struct filter *f);

/* Notes why an action or an expression failed; the first reason of an error stays.  -1. */
int filter_fail(struct filter_run *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct str filter_error_text(const struct filter_run *r);
void filter_error_clear(struct filter_run *r);

/* Who is told each step: level 1 deliveries, 3 statements, 5 patterns.  NULL: nobody. */
typedef void (*filter_tracer)(
    void *ctx, int level, const char *file, unsigned line, struct str text);
void filter_trace(struct filter_run *r, filter_tracer t, void *ctx);
void filter_say(struct filter_run *r, int level, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* A field's text as patterns see it (decoded, on one line), of the message's own header.  Empty
 * when absent.  The value is good until the next call into the engine. */
struct str filter_header(struct filter_run *r, const char *name);

#endif
