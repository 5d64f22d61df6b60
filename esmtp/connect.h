/*
 * Getting a connection to a candidate.  While one does not answer, an address of the same host but
 * of the other family is tried beside it after RACE_MS, and whichever answers first is used: where
 * IPv6 (or IPv4) leads nowhere, mail loses a second and not a minute.
 */
#ifndef COURIER_ESMTP_CONNECT_H
#define COURIER_ESMTP_CONNECT_H

#include "esmtp/conn-private.h"

enum { RACE_MS = 1000, RACE_NONE = -1 };

/* Which of the candidates behind `at` may be tried beside it; RACE_NONE: none.  Pure. */
ptrdiff_t connect_rival(const struct candidate *v, size_t n, size_t at);

void connect_init(struct conn *c);
void connect_begin(struct conn *c); /* to the candidate that it is up to */
void connect_again(struct conn *c); /* to the one that it had */
void connect_time_over(struct conn *c);
void connect_drop(struct conn *c);  /* what is under way */
void connect_socks(struct conn *c); /* the proxy has said something */

#endif
