/*
 * The folder of cached policies, one file a domain (sts.h has the form), and ".size", the number of
 * domains that it is to hold: 0 means that MTA-STS is switched off, no file STS_CACHE_DEFAULT.
 *
 * The time stamp of a file says when the policy was last used.  Files are replaced atomically, so
 * the process that keeps the folder and the administrator's testmxlookup need no lock: the later
 * one wins.
 */
#ifndef COURIER_STS_CACHE_H
#define COURIER_STS_CACHE_H

#include "sts/sts.h"

enum { STS_CACHE_DEFAULT = 1000, STS_CACHE_LARGEST = 1000000, STS_MODE = 0644 };

struct sts_cached {
	struct buf file;
	struct sts_entry entry; /* points into file */
	int64_t used;           /* epoch seconds */
};
void sts_cached_init(struct sts_cached *c);
void sts_cached_free(struct sts_cached *c);

/* dir: descriptor of the folder.  1 there is one, 0 none (or one that can't be read: logged, and it
 * counts as none), -1 errno: it can't be told. */
int sts_cache_read(int dir, struct str domain, struct sts_cached *c);
int sts_cache_write(int dir, struct str domain, const struct sts_entry *e); /* 0, -1 errno */
int sts_cache_remove(int dir, struct str domain);
void sts_cache_touch(int dir, struct str domain); /* it was used */

int64_t sts_cache_size(int dir); /* what .size says */
int sts_cache_set_size(int dir, int64_t n);

/* The oldest go until no more than `size` are there, but only when there are more than twice as
 * many, or `now`.  How many went, or -1 errno. */
int64_t sts_cache_expire(int dir, int64_t size, bool now);
/* Temporary files that a crash has left, older than a day. */
void sts_cache_sweep(int dir);
/* One call a domain. */
int sts_cache_each(int dir, void (*fn)(void *ctx, struct str domain, int64_t used), void *ctx);

#endif
