/* Mechanisms that look at addresses (RFC 7208, 5), and the names of the client. */
#include <arpa/nameser.h>
#include "dns/rdata.h"
#include "spf/spf-private.h"

static bool any_address(
    const struct spf_eval *e, const struct dns_answer *a, const struct spf_term *t)
{
	bool six = e->ip.ss_family == AF_INET6;
	for (size_t i = 0; i < a->n; i++) {
		struct sockaddr_storage ss = {0};
		if (!(six ? dns_rdata_aaaa : dns_rdata_a)(a->rdata[i], &ss) &&
		    spf_in_network(&e->ip, &ss, six ? t->bits6 : t->bits4))
			return true;
	}
	return false;
}

static uint16_t address_type(const struct spf_eval *e)
{
	return e->ip.ss_family == AF_INET6 ? ns_t_aaaa : ns_t_a;
}

static int host_matches(struct spf_eval *e, struct str host, const struct spf_term *t)
{
	const struct dns_answer *a;
	int step = spf_get(e, host, address_type(e), &a);
	if (step)
		return step;
	if (a->status == DNS_TEMPFAIL)
		return spf_temperror(e, "an address can't be looked up for now");
	return any_address(e, a, t) ? SPF_STEP_MATCH : SPF_STEP_NO_MATCH;
}

static int match_mx(struct spf_eval *e, const struct spf_term *t, struct str name)
{
	const struct dns_answer *a;
	int step = spf_get(e, name, ns_t_mx, &a);
	if (step)
		return step;
	if (a->status == DNS_TEMPFAIL)
		return spf_temperror(e, "mail hosts can't be looked up for now");
	if (a->n > SPF_HOSTS_MAX)
		return spf_permerror(e, "a domain has too many mail hosts");
	for (size_t i = 0; i < a->n; i++) {
		uint16_t pref;
		char host[DNS_NAME_SIZE];
		if (dns_rdata_mx(a->rdata[i], &pref, host) || !host[0])
			continue;
		step = host_matches(e, str_of(host), t);
		if (step != SPF_STEP_NO_MATCH)
			return step;
	}
	return SPF_STEP_NO_MATCH;
}

static int match_exists(struct spf_eval *e, struct str name)
{
	const struct dns_answer *a;
	int step = spf_get(e, name, ns_t_a, &a);
	if (step)
		return step;
	if (a->status == DNS_TEMPFAIL)
		return spf_temperror(e, "a name can't be looked up for now");
	return a->n ? SPF_STEP_MATCH : SPF_STEP_NO_MATCH;
}

/* Whether a name leads to the client: 1, 0 (also when that can't be told), or a step. */
static int leads_back(struct spf_eval *e, struct str name)
{
	static const struct spf_term whole = {.bits4 = 32, .bits6 = 128};
	const struct dns_answer *a;
	int step = spf_get(e, name, address_type(e), &a);
	if (step)
		return step;
	return any_address(e, a, &whole) ? SPF_STEP_MATCH : SPF_STEP_NO_MATCH;
}

int spf_names(struct spf_eval *e, char (*names)[DNS_NAME_SIZE], size_t *n)
{
	char reverse[DNS_NAME_SIZE];
	const struct dns_answer *a;
	*n = 0;
	if (!dns_reverse_name((const struct sockaddr *)&e->ip, reverse))
		return 0;
	int step = spf_get(e, str_of(reverse), ns_t_ptr, &a);
	if (step)
		return step;
	for (size_t i = 0; i < a->n && i < SPF_HOSTS_MAX; i++) {
		if (dns_rdata_name(a->rdata[i], names[*n]) || !names[*n][0])
			continue;
		step = leads_back(e, str_of(names[*n]));
		if (step == SPF_STEP_MATCH)
			++*n;
		else if (step != SPF_STEP_NO_MATCH)
			return step;
	}
	return 0;
}

static int match_ptr(struct spf_eval *e, struct str domain)
{
	char names[SPF_HOSTS_MAX][DNS_NAME_SIZE];
	size_t n;
	int step = spf_names(e, names, &n);
	if (step)
		return step;
	for (size_t i = 0; i < n; i++)
		if (dns_name_within(str_of(names[i]), domain))
			return SPF_STEP_MATCH;
	return SPF_STEP_NO_MATCH;
}

int spf_mechanism(struct spf_eval *e, const struct spf_term *t, struct str domain)
{
	struct str name;
	if (t->kind == SPF_M_ALL)
		return SPF_STEP_MATCH;
	if (t->kind == SPF_M_IP4 || t->kind == SPF_M_IP6)
		return spf_in_network(&e->ip, &t->ip, t->kind == SPF_M_IP4 ? t->bits4 : t->bits6)
			   ? SPF_STEP_MATCH
			   : SPF_STEP_NO_MATCH;
	int step = spf_count_term(e);
	if (!step)
		step = spf_target(e, t->domain, domain, &name);
	if (step)
		return step;
	switch (t->kind) {
	case SPF_M_A:
		return host_matches(e, name, t);
	case SPF_M_MX:
		return match_mx(e, t, name);
	case SPF_M_PTR:
		return match_ptr(e, name);
	default:
		return match_exists(e, name);
	}
}
