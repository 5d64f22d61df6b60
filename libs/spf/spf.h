/*
 * libs/spf: Sender Policy Framework (RFC 7208): may this address send for that domain?
 *
 * The evaluator is pure: bytes of records in, a result out.  What it has to look up it asks of a
 * function; an answer that is not there yet ends the evaluation with SPF_ASK and the question, and
 * whoever has the answer evaluates anew.  Evaluations are short and answers are kept, so going
 * through the record again costs nothing that could be noticed, and no state is half done.
 *
 * spf_check() drives it with libs/dns on the event loop.
 *
 * Limits (RFC 7208, 4.6.4): 10 terms that cause look-ups, 2 look-ups without an answer, 10 hosts of
 * an MX record, 10 names of an address; ours: SPF_QUESTIONS_MAX questions, SPF_RECORD_MAX bytes of
 * a record, SPF_TIME_MS in all.
 */
#ifndef COURIER_SPF_H
#define COURIER_SPF_H

#include "dns/dns.h"

enum spf_result {
	SPF_NONE,
	SPF_NEUTRAL,
	SPF_PASS,
	SPF_FAIL,
	SPF_SOFTFAIL,
	SPF_TEMPERROR,
	SPF_PERMERROR,
	SPF_RESULTS,
};
const char *spf_result_name(enum spf_result r); /* "softfail" (RFC 7208, 2.6) */

enum {
	SPF_TERMS_MAX = 10,
	SPF_VOID_MAX = 2,
	SPF_HOSTS_MAX = 10,
	SPF_RECORD_MAX = 16 * 1024,
	SPF_EXPLANATION_MAX = 512, /* longer ones are cut */
	SPF_QUESTIONS_MAX = 150,
	SPF_TIME_MS = 20000,
};

struct spf_facts {
	struct sockaddr_storage ip; /* of the client; an IPv4 address inside IPv6 counts as IPv4 */
	struct str domain;          /* whose record is asked for: A-labels or U-labels */
	struct str sender;         /* MAIL FROM; without local part: postmaster@ is put before it */
	struct str helo, receiver; /* receiver: the name of this host */
	int64_t now;
};

struct spf_verdict {
	enum spf_result result;
	struct str explanation; /* SPF_FAIL: the domain's words, printable ASCII; or empty */
	const char *problem;    /* SPF_PERMERROR, SPF_TEMPERROR: which; a literal */
};

struct spf_question {
	char name[DNS_NAME_SIZE];
	uint16_t type; /* ns_t_txt, ns_t_a, ... */
};
/* NULL: not known yet. */
typedef const struct dns_answer *(*spf_lookup)(void *ctx, struct str name, uint16_t type);

enum spf_progress { SPF_DONE, SPF_ASK };
/* Strings of the verdict live in the arena (which may be reset between two evaluations); an arena
 * that is full gives SPF_TEMPERROR. */
enum spf_progress spf_evaluate(struct arena *a, const struct spf_facts *f, spf_lookup lookup,
    void *ctx, struct spf_verdict *out, struct spf_question *ask);

/* The whole check.  facts are copied; the verdict is valid inside the callback, which comes later,
 * never inside the call. */
struct spf_check;
typedef void (*spf_done)(void *ctx, const struct spf_verdict *v);
struct spf_check *spf_check_new(
    struct loop *l, struct dns *d, const struct spf_facts *f, spf_done done, void *ctx);
void spf_check_cancel(struct spf_check *c); /* NULL is fine; not after the callback */

#endif
