/*
 * The files of one message that filters look at: var/tmp/T/Dnnn (the message) and
 * var/tmp/T/TIME.NUMBER.HOST (control; further ones end in .1, .2, ...), T being TIME / 10000 and
 * nnn the first control file's inode, as ever.  Not synced: they are gone when the verdict is
 * there.
 */
#ifndef COURIER_SUBMIT_FILTER_FILES_H
#define COURIER_SUBMIT_FILTER_FILES_H

#include "submit/process.h"
#include "submit/spool.h"

struct filter_files;

/* done: from the loop, once the message is written; REPLY_OK or why not. */
struct filter_files *filter_files_new(struct gate_process *g, const struct spool *s,
    void (*done)(void *ctx, enum reply_id id), void *ctx); /* NULL (logged) */
void filter_files_free(struct filter_files *f);            /* and removes them */

const char *filter_files_data(const struct filter_files *f);
int filter_files_open(const struct filter_files *f); /* the message, for reading; -1 errno */

/* Control files are numbered from 0 without a gap. */
int filter_files_control(struct filter_files *f, struct str text); /* the next one; -1 (logged) */
size_t filter_files_controls(const struct filter_files *f);
char *filter_files_control_path(const struct filter_files *f, size_t i);        /* to be freed */
int filter_files_read(const struct filter_files *f, size_t i, struct buf *out); /* -1 errno */

/* Removes what a crash has left; cheap, called at the start and now and then. */
void filter_files_sweep(struct gate_process *g);

#endif
