/*
 * libs/table: lookup tables from byte strings to byte strings, in one Berkeley DB file each.
 *
 * A table is built whole by one of our tools into a temporary file beside it, synced, and renamed:
 * a reader sees the old table or the new one, never a mixture, and a crash leaves the old one.
 * There is no database environment, no locking and no writing in place; pages carry checksums, so a
 * damaged file gives EIO, not wrong answers.
 *
 * Readers open read-only, at the first use, and open again by themselves when the file at the path
 * has become another one (one fstatat(2) a lookup).  A table that does not exist yet is no failure
 * of table_open: lookups give ENOENT until it does.  A jailed process that must keep a table opens
 * it before its chroot (table_prime); from then on changes aren't seen.
 *
 * A `struct table` belongs to one thread of one process: do not use it on both sides of a fork.
 */
#ifndef COURIER_TABLE_H
#define COURIER_TABLE_H

#include "base/base.h"

enum table_kind {
	TABLE_HASH,  /* point lookups */
	TABLE_BTREE, /* table_each and table_prefix go in the order of the keys' bytes */
};

enum { TABLE_KEY_MAX = 4096, TABLE_VALUE_MAX = 1024 * 1024 }; /* bytes; EMSGSIZE past them */

/* Building.  NULL with errno.  mode: the file's permissions, whatever the umask. */
struct table_build;
struct table_build *table_build_begin(const char *path, enum table_kind kind, mode_t mode);
/* 0; 1: the key is there already and replace is false (nothing changed); -1 with errno. */
int table_build_put(struct table_build *b, struct str key, struct str value, bool replace);
/* What has been put so far: 1 into out, 0 absent, -1. */
int table_build_get(struct table_build *b, struct str key, struct buf *out);
/* Synced and in place, or -1 with errno and the old table untouched.  Ends the build either way. */
int table_build_commit(struct table_build *b);
void table_build_abort(struct table_build *b); /* NULL is fine */
/* Removes what builds of this table that were killed have left behind.  Only for who knows that
 * nobody else builds it now. */
void table_build_sweep(const char *path);

/* Reading. */
struct table;
struct table *table_open(const char *path);
void table_close(struct table *t); /* NULL is fine */
/* Opens it now.  0, or -1 with errno (ENOENT: no such table). */
int table_prime(struct table *t);
/* 1: *out (cleared first) has the value; 0: no such key; -1 with errno: ENOENT, EIO, EFBIG, ... */
int table_get(struct table *t, struct str key, struct buf *out);
/*
 * Every record (those whose key starts with `prefix`: TABLE_BTREE only, EINVAL else).  fn returns 0
 * to go on; anything else ends the walk and is returned.  Views are valid inside fn, which must not
 * use the same table.  -1 with errno on failure.
 */
int table_each(struct table *t, int (*fn)(void *ctx, struct str key, struct str value), void *ctx);
int table_prefix(struct table *t, struct str prefix,
    int (*fn)(void *ctx, struct str key, struct str value), void *ctx);
/* Grows each time the file was opened anew: for caches built on a table. */
uint64_t table_generation(const struct table *t);

#endif
