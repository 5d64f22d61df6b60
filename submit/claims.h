/*
 * Which module has an address: the CLAIM words of all module files, in the order of their PRIORITY.
 *
 * Matching is a function of this table, the names snapshot and the address.  A claim with ASK is a
 * question for the module itself (claim-ask.h).
 */
#ifndef COURIER_SUBMIT_CLAIMS_H
#define COURIER_SUBMIT_CLAIMS_H

#include "config/instance.h"
#include "module/module-file.h"
#include "submit/address.h"

struct claim {
	const char *module;
	struct module_claim what;
	bool ask;
	struct domains *list; /* CLAIM_LIST */
};

struct claims {
	struct module_files files;
	struct claim *v;
	size_t n;
};

/* Reads a list of domains: FILE.dat, or the text (folder) FILE. NULL: neither can be read. */
typedef struct domains *(*claims_list)(const struct instance *in, const char *file, struct str me);

struct claims *claims_load(const struct instance *in, struct str me, claims_list list);
void claims_free(struct claims *c); /* NULL is fine */

/* Mail from this source ("uucp") has addresses that are UUCP paths. */
bool claims_bang_source(const struct claims *c, struct str source);

/* The next claim on the address from *at on (which starts at 0).  NULL: no more.  *host: what the
 * list says of the domain, else the domain.  *failed: a table cannot be read. */
const struct claim *claims_next(const struct claims *c, const struct names *n,
    const struct address *a, size_t *at, struct str *host, bool *failed);

/* The domain is one of this system's: its default domain counts, listed or not. */
bool claims_own_domain(const struct names *n, const struct address *a);

/* Pure; for claims_next and tests. */
bool claim_domain_match(struct str pattern, struct str domain);

#endif
