/*
 * What became of the addresses that were asked about within the last two to three hours.
 *
 * A folder of files N, N = time / 3600, lines "TIME SP LETTERaddress", of which the last about an
 * address counts:
 *
 *	V	good, this address or (mode base) all that differ behind its first dash
 *	v	refused for good, this address alone: one bad guess says nothing about a list
 *
 * Lines of other letters are passed over, so the folder may be shared with a delivery track.
 * Lines are appended by one write each: several processes may use a folder at a time.
 */
#ifndef COURIER_FILTERS_VERIFYFILTER_CACHE_H
#define COURIER_FILTERS_VERIFYFILTER_CACHE_H

#include "base/base.h"

enum {
	VERIFY_HOURS = 2,           /* besides the hour at hand */
	VERIFY_KNOWN_MAX = 100000,  /* addresses; further ones are asked every time */
	VERIFY_ADDRESS_MAX = 1024,  /* a longer one is never kept */
	VERIFY_FILE_MAX = 32 << 20, /* what is read of a file */
};

/* Pure.  false: the line is none. */
bool verify_line(struct str line, int64_t *when, char *letter, struct str *address);
/* The address as it is compared: domain in lower case; base: the local part up to its first dash
 * (not one at its start).  false: no room. */
bool verify_key(struct str address, bool base, struct buf *out);

struct verify_cache;
/* dir: NULL keeps it in memory alone; else it is there, or made with mode 0700; when it can't be
 * used a line is logged and memory has to do.  NULL without memory. */
struct verify_cache *verify_cache_new(const char *dir, bool base, int64_t now);
void verify_cache_free(struct verify_cache *c);
/* 'V', 'v' or 0.  A good address that is met again is good for another two hours. */
char verify_cache_find(struct verify_cache *c, struct str address, int64_t now);
void verify_cache_put(struct verify_cache *c, struct str address, char letter, int64_t now);

#endif
