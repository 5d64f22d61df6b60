/*
 * libs/sts: MTA-STS (RFC 8461), what does not need a network.
 *
 * A domain says in TXT _mta-sts.DOMAIN that it has a policy and which one (an id); the policy is a
 * text at https://mta-sts.DOMAIN/.well-known/mta-sts.txt: a mode, patterns for the names of its
 * mail hosts, and how long it is to be remembered.  Everything here is pure: bytes and facts in, a
 * verdict out; strings of results point into what was given.
 */
#ifndef COURIER_STS_H
#define COURIER_STS_H

#include "base/base.h"

enum {
	STS_POLICY_MAX = 64 * 1024, /* bytes of a policy (RFC 8461, 3.3) */
	STS_MX_MAX = 256,           /* patterns of one */
	STS_AGE_MAX = 31557600,     /* seconds: a year (3.2) */
	STS_ID_MAX = 32,
	STS_DOMAIN_MAX = 253,
	STS_ENTRY_MAX = STS_POLICY_MAX + 512, /* of a cached one */
};

enum sts_mode { STS_NONE, STS_TESTING, STS_ENFORCE, STS_MODES };
const char *sts_mode_name(enum sts_mode m); /* "none", ... */
bool sts_mode_parse(struct str s, enum sts_mode *out);

/* ---- policy.c -------------------------------------------------------------------------------- */

struct sts_policy {
	enum sts_mode mode;
	uint32_t max_age;
	struct str mx[STS_MX_MAX];
	size_t n_mx;
};
/* NULL, or what is wrong with it (such a policy is none at all). */
const char *sts_policy_parse(struct str text, struct sts_policy *out);
/* Does a pattern stand for this host (4.1)?  host: A-labels. */
bool sts_policy_allows(const struct sts_policy *p, struct str host);
/* The same for a policy in text; one that can't be read allows nobody. */
bool sts_text_allows(struct str policy, struct str host);

/* The TXT records of _mta-sts.DOMAIN, one call each (3.1); strings joined. */
struct sts_record {
	unsigned n;              /* that begin as the RFC says */
	char id[STS_ID_MAX + 1]; /* of the last one; empty: it is not valid */
};
void sts_record_add(struct sts_record *r, struct str txt);
bool sts_record_valid(const struct sts_record *r); /* exactly one, and good */

bool sts_id_ok(struct str s); /* an id as it may stand there */

bool sts_is_text_plain(struct str content_type); /* a header's value */

/* ---- entry.c: a cached policy ---------------------------------------------------------------- */

/*
 * The file of a domain, named like it in lower-case A-labels:
 *
 *	courier-sts 1
 *	id ID
 *	fetched SECONDS		since 1970
 *	override MODE		only when the administrator has said so
 *
 *	the policy as it came
 */
struct sts_entry {
	struct str id, text;
	int64_t fetched; /* epoch seconds */
	bool overridden;
	enum sts_mode override;
	struct sts_policy policy; /* of text */
};
bool sts_entry_parse(struct str file, struct sts_entry *out); /* false: a file like no other */
bool sts_entry_print(const struct sts_entry *e, struct buf *out);
enum sts_mode sts_entry_mode(const struct sts_entry *e); /* what counts */
bool sts_entry_live(const struct sts_entry *e, int64_t now);
/* Time to look whether it changed: after refresh_s, or half of max_age when that is less. */
bool sts_entry_stale(const struct sts_entry *e, int64_t now, int64_t refresh_s);
/* Lower case A-labels that are safe as the name of a file. */
bool sts_domain_ok(struct str domain);

/* ---- decide.c -------------------------------------------------------------------------------- */

struct sts_facts {
	bool record;  /* there is one valid TXT record */
	bool unsure;  /* the DNS gave no answer */
	bool cached;  /* a live entry is there */
	bool same_id; /* with the id of the record */
	bool refresh; /* it is to be fetched again in any case */
	bool failed;  /* this id could not be fetched a moment ago */
};
enum sts_step { STS_USE_CACHE, STS_FETCH, STS_NO_POLICY };
enum sts_step sts_decide(const struct sts_facts *f);

/* What is to become of a cached policy that was last used then. */
enum sts_upkeep { STS_LEAVE, STS_REFRESH, STS_REMOVE };
enum sts_upkeep sts_upkeep(const struct sts_entry *e, int64_t used, int64_t now, int64_t refresh_s);

#endif
