/* Shared by the sources of drop. */
#ifndef COURIER_FILTER_DROP_PRIVATE_H
#define COURIER_FILTER_DROP_PRIVATE_H

#include "filter/drop.h"

/* Notes why the delivery can't be done, and the status.  False. */
bool drop_fail(struct drop *d, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
struct filter_message drop_message(const struct drop *d);
/* Text of the message has been passed over: what is mapped need not stay in memory. */
void drop_passed(const struct drop *d, struct str text);
int drop_in_windows(const struct drop *d, struct str text,
    int (*take)(void *ctx, const void *p, size_t n), void *ctx);
/* An xfilter's output: before it runs, while there is more than memory should hold. */
void drop_output_begin(struct drop *d);
int drop_output_overflow(void *d, struct buf *out); /* of struct child_run */
/* A file of its own, without a name, where the owner may have large ones. */
int drop_scratch(const struct drop *d);
void drop_say(struct drop *d, struct str text, bool error);
int64_t drop_seconds_left(const struct drop *d);

/* drop-variables.c */
void drop_variables(struct drop *d);
void drop_variables_fixed(struct drop *d); /* those that filters can't be without */
void drop_variables_size(struct drop *d);  /* of the message as it is now */

/* drop-trace.c: the file is open from begin, when HOME is known, to end. */
void drop_trace_begin(struct drop *d);
void drop_trace_end(struct drop *d);

/* drop-follow.c: false at the end, with d->code. */
bool drop_follow(struct drop *d, const char *path, bool private, bool *found);
bool drop_follow_all(struct drop *d);
struct filter *drop_include(struct filter_run *r, struct str path, struct buf *error);

/* The actions. */
int drop_deliver(struct filter_run *r, struct str where, int *code);
int drop_mbox(struct filter_run *r, const char *path);
int drop_program(struct filter_run *r, enum filter_program kind, struct str command,
    struct buf *output, int *status);
/* Without a shell; the message on its standard input. */
int drop_exec(struct filter_run *r, char **argv, int *status);
int drop_replace(struct filter_run *r);
void *drop_db_open(struct filter_run *r, struct str path, char mode);
int drop_db_fetch(struct filter_run *r, void *db, struct str key, struct buf *out);
int drop_db_store(struct filter_run *r, void *db, struct str key, struct str value);
int drop_db_close(struct filter_run *r, void *db);
void drop_echo(struct filter_run *r, struct str text);
int drop_log(struct filter_run *r, struct str text);
int drop_logfile(struct filter_run *r, struct str path);
int drop_lock(struct filter_run *r, bool dot, struct str path, void **lock);
void drop_unlock(struct filter_run *r, void *lock);
int drop_read_file(struct filter_run *r, struct str path, struct buf *out);
bool drop_trusted(struct filter_run *r, struct str path);
/* A line for a delivery in the log file. */
void drop_log_delivery(struct drop *d, struct str where, bool done);
struct lock_times;
void drop_lock_times(struct filter_run *r, struct lock_times *t);

#endif
