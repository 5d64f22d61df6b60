#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include "esmtp/candidates.h"

void candidates_clear(struct target *t)
{
	for (size_t i = 0; i < t->candidates.n; i++)
		free(t->candidates.v[i].host);
	t->candidates.n = 0;
}

static void __attribute__((format(printf, 4, 5)))
none(struct target *t, bool permanent, const char *status, const char *fmt, ...)
{
	struct trouble *b = &t->trouble;
	va_list ap;
	/* A relay is the administrator's word: what is wrong with it may be put right. */
	b->permanent = permanent && !t->route.relay.n;
	b->code = 0;
	snprintf(b->status, sizeof b->status, "%s", b->permanent == permanent ? status : "4.4.4");
	b->command = NULL;
	b->connection = !permanent;
	buf_clear(&b->remote);
	buf_clear(&b->text);
	va_start(ap, fmt);
	buf_vaddf(&b->text, fmt, ap);
	va_end(ap);
}

static const char *name_of(const struct target *t)
{
	return t->relay[0] ? t->relay : t->domain;
}

/* True when the answer gave no hosts at all; the trouble then says why. */
static bool no_hosts(struct target *t, const struct dns_mx *mx)
{
	const char *name = name_of(t);
	if (mx->null_mx)
		none(t, true, "5.1.10", "%s takes no mail (null MX, RFC 7505)", name);
	else if (mx->status == DNS_TEMPFAIL)
		none(t, false, "4.4.3", "DNS look-up of %s failed for now", name);
	else if (mx->status == DNS_NXDOMAIN)
		none(t, true, "5.1.2", "no such domain: %s", name);
	else if (mx->status == DNS_NODATA)
		none(t, true, "5.4.4", "no mail host has an address for %s", name);
	else if (mx->bad_mx)
		none(
		    t, true, "5.4.4", "MX of %s is an address, not a host (RFC 1035, 3.3.9)", name);
	else if (mx->status == DNS_BADNAME)
		none(t, true, "5.1.2", "not a domain: %s", name);
	else
		return false;
	return true;
}

/* Are we this host?  By name when DNS decided (relays may well be called like us elsewhere), by
 * address in any case. */
static bool is_self(struct target *t, const struct dns_host *h)
{
	if (!t->route.relay.n && str_iis(str_of(h->name), t->e->settings->me))
		return true;
	for (size_t i = 0; i < h->n_addrs; i++)
		if (self_is_address(t->e->self, &h->addrs[i], t->route.port))
			return true;
	return false;
}

/* How many hosts, from the best one, come before ourselves (RFC 5321, 5.1). */
static size_t before_self(struct target *t, const struct dns_mx *mx)
{
	size_t n = 0;
	while (n < mx->n_hosts && !is_self(t, &mx->hosts[n]))
		n++;
	if (n == mx->n_hosts)
		return n;
	uint16_t own = mx->hosts[n].pref;
	while (n && mx->hosts[n - 1].pref >= own)
		n--;
	return n;
}

static bool family_fits(const struct target *t, const struct sockaddr_storage *a)
{
	if (t->route.family == ROUTE_IPV4)
		return a->ss_family == AF_INET;
	return t->route.family != ROUTE_IPV6 || a->ss_family == AF_INET6;
}

static struct tls_need need_of(const struct target *t, const struct dns_host *h)
{
	const struct settings *s = t->e->settings;
	struct tls_facts f = {.route = t->route.security,
	    .relay = t->route.relay.n,
	    .secured = t->secured,
	    .requiretls = t->requiretls,
	    .verify_chain = s->verify_chain,
	    .verify_domain = s->verify_domain,
	    .sts = t->sts,
	    .sts_host = t->sts_policy && sts_text_allows(str_of(t->sts_policy), str_of(h->name)),
	    .dnssec = h->secure,
	    .unbound = t->tls_optional};
	return tls_need_decide(&f);
}

static void add(struct target *t, const struct dns_host *h, const struct tls_need *need,
    const struct sockaddr_storage *a)
{
	if (t->candidates.n == CANDIDATES_MAX || !family_fits(t, a))
		return;
	struct candidate c = {
	    .host = mem_strdup(h->name), .pref = h->pref, .addr = *a, .need = *need};
	/* The port stands at the same place for both families. */
	((struct sockaddr_in *)&c.addr)->sin_port = htons(t->route.port);
	vec_push(&t->candidates, c);
}

/* How many hosts the domain's policy refuses. */
static size_t add_hosts(struct target *t, const struct dns_mx *mx, size_t n)
{
	size_t strangers = 0;
	for (size_t i = 0; i < n; i++) {
		const struct dns_host *h = &mx->hosts[i];
		struct tls_need need = need_of(t, h);
		strangers += need.refused;
		if (need.report && !need.authenticated)
			esmtp_sts_report(t->e, t->domain, h->name, "it does not name this host");
		for (size_t k = 0; k < h->n_addrs && !need.refused; k++)
			add(t, h, &need, &h->addrs[k]);
	}
	return strangers;
}

/* The process that knows policies does not answer: whether mail may go as it is can't be told. */
void candidates_no_policy(struct target *t)
{
	candidates_clear(t);
	none(
	    t, false, "4.7.5", "whether %s has an MTA-STS policy can't be told for now", t->domain);
	t->trouble.connection = false;
}

void candidates_take(struct target *t, const struct dns_mx *mx)
{
	candidates_clear(t);
	if (no_hosts(t, mx))
		return;
	size_t n = before_self(t, mx);
	if (n < mx->n_hosts && !n) {
		none(t, true, "5.4.6", "mail for %s loops back to myself", name_of(t));
		return;
	}
	size_t strangers = add_hosts(t, mx, n);
	if (t->candidates.n)
		return;
	if (strangers) {
		none(t, false, "4.7.5",
		    "the MTA-STS policy of %s names none of its mail hosts (%s)", name_of(t),
		    mx->hosts[0].name);
		t->trouble.connection = false;
		return;
	}
	if (mx->partial_fail)
		none(t, false, "4.4.3", "DNS look-up of %s failed for now", name_of(t));
	else
		none(t, true, "5.4.4", "no usable address of %s", name_of(t));
}

/* Where the host of candidate i begins, in a row that begins at `from`. */
static size_t host_start(const struct candidate *v, size_t from, size_t i)
{
	while (i > from && strcmp(v[i - 1].host, v[i].host) == 0)
		i--;
	return i;
}

static void rotate(struct candidate *v, size_t n, size_t by)
{
	struct candidate turned[CANDIDATES_MAX] = {0};
	for (size_t i = 0; i < n; i++)
		turned[i] = v[(i + by) % n];
	memcpy(v, turned, n * sizeof *v);
}

void candidates_mix(struct target *t)
{
	struct candidate *v = t->candidates.v;
	for (size_t from = 0, end; from < t->candidates.n; from = end) {
		for (end = from + 1; end < t->candidates.n && v[end].pref == v[from].pref;)
			end++;
		size_t first = host_start(v, from, from + random_u64() % (end - from));
		rotate(v + from, end - from, first - from);
	}
}
