#include "esmtp/tls-need.h"

static enum tls_verify by_settings(const struct tls_facts *f)
{
	if (f->verify_domain)
		return TLS_VERIFY_NAME;
	return f->verify_chain ? TLS_VERIFY_CHAIN : TLS_OPPORTUNISTIC;
}

/* A relay is the administrator's word, which a policy of the recipients' domain does not undo; its
 * mail may well stay in the house. */
static bool sts_counts(const struct tls_facts *f)
{
	return !f->relay && !f->secured && !f->unbound && f->sts != STS_NONE;
}

static void add_sts(struct tls_need *n, const struct tls_facts *f)
{
	n->authenticated |= f->sts_host;
	n->report = f->sts == STS_TESTING;
	if (f->sts != STS_ENFORCE)
		return;
	n->refused = !f->sts_host;
	n->required = true;
	n->verify = TLS_VERIFY_NAME;
	n->source = TLS_BY_STS;
}

static void add_requiretls(struct tls_need *n)
{
	n->required = true;
	n->verify = TLS_VERIFY_NAME;
	n->source = TLS_BY_REQUIRETLS;
	n->status = "5.7.30";
}

/* What demands SECURITY or REQUIRETLS comes back when the way is not safe; other mail waits. */
struct tls_need tls_need_decide(const struct tls_facts *f)
{
	struct tls_need n = {.source = TLS_BY_NOBODY,
	    .verify = by_settings(f),
	    .authenticated = f->relay || f->dnssec,
	    .status = "4.7.5"};
	if (n.verify != TLS_OPPORTUNISTIC)
		n.source = TLS_BY_SETTING;
	if (f->route != ROUTE_OPPORTUNISTIC) {
		n.required = true;
		n.source = TLS_BY_ROUTE;
	}
	if (sts_counts(f))
		add_sts(&n, f);
	if (f->requiretls)
		add_requiretls(&n);
	if (f->secured) {
		n.required = true;
		n.verify = TLS_VERIFY_PRIVATE;
		n.source = TLS_BY_SECURITY;
		n.status = f->requiretls ? n.status : "5.7.5";
	}
	return n;
}
