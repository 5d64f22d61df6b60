/* testmxlookup: what its files share. */
#ifndef COURIER_ESMTP_TESTMXLOOKUP_H
#define COURIER_ESMTP_TESTMXLOOKUP_H

#include "config/config.h"
#include "sts/discover.h"

enum sts_task {
	STS_TASK_LOOK,     /* beside the mail hosts */
	STS_TASK_SHOW,     /* --sts */
	STS_TASK_OVERRIDE, /* --sts-override */
	STS_TASK_PURGE,    /* --sts-purge */
	STS_TASK_EXPIRE,   /* the rest: no domain */
	STS_TASK_DISABLE,
	STS_TASK_ENABLE,
};

struct sts_run {
	enum sts_task task;
	enum sts_mode override;
	int64_t size; /* of --sts-cache-enable */
	bool off;     /* there is nobody to trust, or it is switched off */
	struct sts_source source;
	char domain[DNS_NAME_SIZE]; /* A-labels; empty: it is none */
	bool found;
	enum sts_mode mode;
	struct buf policy;
};

/* One of the --sts options: 1 it was, 0 it is not, -1 its value is wrong. */
int sts_option(const char *arg, struct sts_run *r);
bool sts_needs_domain(const struct sts_run *r);

/* Opens the cache and the fetcher; as root it gives up its rights for those of the cache's owner.
 * -1: told. */
int sts_prepare(struct sts_run *r, struct loop *l, struct dns *dns, const struct instance *in);
int sts_administer(const struct sts_run *r); /* the tasks without a domain: the exit status */
/* Finds the policy; done() then, also when there is none. */
void sts_look(struct sts_run *r, const char *domain, void (*done)(void *ctx), void *ctx);
int sts_tell(const struct sts_run *r, const char *domain); /* SHOW, OVERRIDE, PURGE: exit status */
void sts_release(struct sts_run *r);

#endif
