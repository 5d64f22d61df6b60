/* maildrop, the program: what its sources share. */
#ifndef COURIER_MAILDROP_DROP_H
#define COURIER_MAILDROP_DROP_H

#include "maildrop/drop-settings.h"
#include "maildrop/filter.h"

enum {
	DROP_MESSAGE_MAX = 1 << 30,  /* bytes */
	DROP_OUTPUT_MAX = 1 << 30,   /* what xfilter may give */
	DROP_HEADERS_MAX = 64 * 1024 /* of -A */
};

struct drop {
	struct drop_settings set;
	struct filter_run *run;
	struct buf extra; /* -A */
	struct buf small; /* the message, or */
	void *map;        /* a file of it */
	size_t map_size;
	struct buf filtered; /* what xfilter made of it */
	int log;             /* -1 */
	bool delivery;       /* mode */
	bool embedded;
	int verbose, why;
	int warn_percent; /* -1: no warnings */
	const char *warn_file;
};

/* Reads standard input: CR before LF is taken off.  0, -1 with errno. */
int drop_read(struct drop *d, int fd);
struct filter_message drop_message(const struct drop *d);

/* The actions. */
int drop_deliver(struct filter_run *r, struct str where, int *code);
int drop_program(struct filter_run *r, enum filter_program kind, struct str command,
    struct buf *output, int *status);
/* Without a shell; the message on its standard input. */
int drop_exec(struct filter_run *r, char **argv, int *status);
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
/* A line for a delivery in the log file. */
void drop_log_delivery(struct drop *d, struct str where, bool done);
struct lock_times;
void drop_lock_times(struct filter_run *r, struct lock_times *t);

#endif
