/*
 * Settings that may be a folder: all its plain files together are the setting.
 *
 * Hidden files, names with "~" in them and *.dat take no part.  What a package's upgrade leaves
 * behind (*.rpmsave, *.rpmnew, *.dpkg-*) wants to be looked at: it is a fault.  So is NAME.dist,
 * unless NAME stands beside it and is newer.
 */
#ifndef COURIER_CONFIG_FOLDER_H
#define COURIER_CONFIG_FOLDER_H

#include "base/base.h"

enum folder_verdict { FOLDER_TAKE, FOLDER_SKIP, FOLDER_LEFTOVER };
/* Pure.  newer: of NAME.dist, whether NAME is there and newer. */
enum folder_verdict folder_judge(struct str name, bool newer);

/*
 * fn for each file that takes part, in the order of their names.  0; what fn returned, when that is
 * not 0; -1 with errno.  Leftovers are logged; with strict they are faults (EEXIST) before fn is
 * called at all, without they are left out.
 */
int folder_each(int dir, const char *where, bool strict,
    int (*fn)(void *ctx, int dir, const char *name), void *ctx);

/* The file `name` in the folder `at` (AT_FDCWD: the working folder), or all files of a folder of
 * that name joined (a missing LF at a file's end is put in).  1 there is one, 0 there is none, -1
 * errno (logged). */
int config_text_at(int at, const char *name, bool strict, struct buf *out);
int config_text(const char *etc, const char *name, bool strict, struct buf *out);

#endif
