/*
 * The policy of a domain: the DNS says whether there is one, the cache whether we know it, the web
 * server what it is.  Asynchronous; decisions are libs/sts/entry.c's.
 */
#ifndef COURIER_STS_DISCOVER_H
#define COURIER_STS_DISCOVER_H

#include "dns/dns.h"
#include "sts/cache.h"
#include "sts/fetch.h"

enum {
	STS_AGAIN_S = 300, /* a policy that can't be fetched is not tried sooner (RFC 8461, 3.3) */
	STS_FAILED_MAX = 10000, /* of those that are remembered */
};

struct sts_source {
	struct dns *dns;
	struct sts_fetcher *fetcher;
	int dir; /* of the cache, -1: none */
	struct map
	    *failed; /* domain -> when its policy could not be fetched; NULL: not remembered */
};

struct sts_answer {
	bool found;
	enum sts_mode mode;  /* that counts */
	struct str text;     /* the policy */
	bool overridden;     /* by the administrator */
	const char *trouble; /* why it could not be fetched; NULL: nothing went wrong */
};

struct sts_search;
/* Valid inside the call. */
typedef void (*sts_discovered)(void *ctx, const struct sts_answer *a);
/* domain: A-labels in lower case.  refresh: fetch also what has not changed.  done comes later. */
struct sts_search *sts_discover(
    struct sts_source *s, struct str domain, bool refresh, sts_discovered done, void *ctx);
void sts_search_cancel(struct sts_search *q); /* not inside its callback */

#endif
