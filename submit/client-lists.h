/*
 * The lists of the DNS (-block, -allow) for one client.
 *
 * All lists are asked at once when the client connects, for A and TXT as each wants, and judged in
 * their order when all have answered or CLIENT_LISTS_MS are over.  Fail open: a list that does not
 * answer, refuses the question, or lists the world (it has an entry for 127.0.0.1: RFC 5782, 5) is
 * as if it were not there; the log has one line when that begins, and one when it is over.  One
 * that is down is left alone for LIST_RETRY_MS, so that its time-out does not delay everybody.
 */
#ifndef COURIER_SUBMIT_CLIENT_LISTS_H
#define COURIER_SUBMIT_CLIENT_LISTS_H

#include "access/dnslist.h"
#include "submit/process.h"

enum {
	CLIENT_LISTS_MS = 5000,
	LIST_FAILURES = 3,              /* in a row: a list is down */
	LIST_RETRY_MS = 60 * 1000,      /* a list that is down is not asked for so long */
	LIST_PROBE_MS = 10 * 60 * 1000, /* how often it is looked whether a list lists the world */
};

struct client_lists;
/* env: what is set already; lists for these variables are not asked.  options: must outlive it.
 * done: once, never inside the call.  NULL: nothing is to be asked. */
struct client_lists *client_lists_new(struct gate_process *g, const struct tcpd_options *options,
    struct str ip, struct str env, void (*done)(void *ctx), void *ctx);
void client_lists_free(struct client_lists *c); /* NULL is fine */
bool client_lists_done(const struct client_lists *c);
/* Adds what the lists say; nothing before they are done. */
void client_lists_env(struct client_lists *c, struct buf *env);
/* The value of an Authentication-Results field, or nothing. */
void client_lists_results(const struct client_lists *c, struct str me, struct buf *out);

void list_zones_free(struct gate_process *g);

#endif
