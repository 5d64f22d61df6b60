/*
 * What TLS has to prove on the way to a host, and who demands it: facts in, one verdict out (pure).
 *
 * The strictest demand wins.  A host's name can be taken for the domain's when a policy of the
 * domain names it (MTA-STS) or the administrator does (a relay of esmtproutes); this is the place
 * for DNSSEC and DANE too, and `source` is what a report on failures (TLSRPT) is to say.
 */
#ifndef COURIER_ESMTP_TLS_NEED_H
#define COURIER_ESMTP_TLS_NEED_H

#include "smtp/routes.h"
#include "sts/sts.h"
#include "tls/tls.h"

struct tls_facts {
	enum route_security route; /* of esmtproutes */
	bool relay;                /* a relay stands there */
	bool secured;              /* SECURITY=STARTTLS */
	bool requiretls;           /* REQUIRETLS (RFC 8689) */
	bool verify_chain;         /* TLS_VERIFYPEER */
	bool verify_domain;        /* ESMTP_TLS_VERIFY_DOMAIN */
	enum sts_mode sts;         /* of the domain's policy */
	bool sts_host;             /* a pattern of it stands for this host */
	bool dnssec;               /* its name and addresses are signed and good */
	bool unbound;              /* its sender frees the mail from policies (RFC 8689, 5) */
};

enum tls_source {
	TLS_BY_NOBODY,
	TLS_BY_SETTING,
	TLS_BY_ROUTE,
	TLS_BY_STS,
	TLS_BY_REQUIRETLS,
	TLS_BY_SECURITY,
};

struct tls_need {
	enum tls_source source;
	bool required; /* no mail without TLS */
	enum tls_verify verify;
	bool refused;       /* by the policy: this host gets no mail at all */
	bool report;        /* a policy is being tested: what would fail is logged */
	bool authenticated; /* the name of the host is the domain's own word, or the administrator's
			     */
	const char *status; /* of a failure */
};
struct tls_need tls_need_decide(const struct tls_facts *f);

#endif
