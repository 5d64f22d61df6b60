/* Where the text of aliases comes from: files, folders and the files they include. */
#ifndef COURIER_SUBMIT_ALIAS_SOURCE_H
#define COURIER_SUBMIT_ALIAS_SOURCE_H

#include "submit/aliases.h"

/* The file, or all files of the folder, at `path`.  Names of files are kept in the arena.  0; -1,
 * said on standard error. */
int alias_source_add(struct alias_set *s, struct arena *a, const char *tool, const char *path);

/*
 * A file that an alias includes: a plain file, given by its whole path, that belongs to root, to us
 * or to `owner`, and that not everybody may write.  Others could have a text in there that is none
 * of their business turned into addresses, or make the reader wait for ever.  -1 with errno; the
 * reason has been said on standard error.
 */
int alias_source_include(const char *tool, uid_t owner, struct str path, struct buf *out);

#endif
