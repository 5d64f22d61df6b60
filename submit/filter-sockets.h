/*
 * The global filters: var/allfilters and var/filters, one connection each, one after the other
 * (courierfilter(8) has the protocol).
 */
#ifndef COURIER_SUBMIT_FILTER_SOCKETS_H
#define COURIER_SUBMIT_FILTER_SOCKETS_H

#include "submit/filter-files.h"

/* Whether there is anything to ask: a socket (of var/filters only when `optional`), or an installed
 * filter that does not run.  True also when that can't be found out. */
bool filter_sockets_any(const struct gate_process *g, bool optional);

struct filter_sockets;
struct filter_sockets_job {
	struct gate_process *gate;
	const struct policy *policy;
	const struct filter_files *files;
	const char *id; /* for the log */
	bool optional;  /* var/filters, too */
	/* refusal NULL: every filter lets the message pass.  Its text lives until the callback
	 * returns, where filter_sockets_free may be called. */
	void (*done)(void *ctx, const struct gate_reply *refusal);
	void *ctx;
};
/* done comes from the loop. */
struct filter_sockets *filter_sockets_new(const struct filter_sockets_job *job);
void filter_sockets_free(struct filter_sockets *s);

#endif
