/*
 * The delivery track: addresses whose mail failed or had to wait within the last two hours.
 *
 * Mail for such an address is better refused while its sender is still connected than taken and
 * bounced to whoever it claims to be from.  The scheduler adds what modules report and tells the
 * gates; it writes down what it was told in files track/N, N = time / 3600, lines
 *
 *	TIME SP LETTERaddress		F failed, D deferred, B (of an address "@domain") the
 *domain's mail host refuses reports, S a delivery went well, A taken off by hand
 *
 * of which the last about an address counts.  Lines of other letters are left alone.  The files are
 * there for people and for the next start; nothing waits for the disk because of them.
 *
 * The caller owns the thing and calls it from one thread.  `changed` is called for each entry that
 * is new, different or gone (letter 0), never from inside track_load.
 */
#ifndef COURIER_COURIERD_TRACK_H
#define COURIER_COURIERD_TRACK_H

#include "base/base.h"

enum {
	TRACK_SECONDS = 2 * 3600,
	TRACK_MAX = 100000,       /* addresses; beyond, further ones are not listed */
	TRACK_ADDRESS_MAX = 1024, /* a longer one is never listed */
};

struct track;
typedef void (*track_changed)(void *ctx, struct str address, char letter);

/* dir: made when it is missing; NULL: nothing is written.  NULL without memory. */
struct track *track_new(const char *dir, track_changed changed, void *ctx);
void track_free(struct track *t); /* writes what is left */
void track_load(struct track *t, int64_t now);

void track_add(struct track *t, struct str address, char letter, int64_t now); /* F, D, B */
/* S or A.  Was it on the list? */
bool track_clear(struct track *t, struct str address, char letter, int64_t now);
void track_clear_all(struct track *t, int64_t now);

/* Writes the lines that wait, now and then drops entries and files that are too old. */
void track_turn(struct track *t, int64_t now);

size_t track_count(const struct track *t);
/* *at starts at 0; false at the end; the track must not change inside. */
bool track_next(const struct track *t, size_t *at, struct str *address, char *letter);

#endif
