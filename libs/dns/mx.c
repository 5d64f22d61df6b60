/*
 * The hosts of a domain: MX records, then both kinds of addresses of each host.
 *
 * What may be said for good and what may not (RFC 5321, 5.1; RFC 7505): only definite answers make
 * a permanent failure.  Any look-up that failed for now and could have given an address makes the
 * whole answer temporary, unless another one gave an address.
 */
#include <arpa/nameser.h>
#include <stdlib.h>
#include "dns/dns-private.h"
#include "dns/rdata.h"

enum { FAMILIES = 2 };

struct lookup;

/* One address question. */
struct part {
	struct lookup *of;
	uint64_t question; /* 0: answered */
	uint16_t type;
	size_t host;
	enum dns_status status;
	bool secure;
	struct sockaddr_storage addrs[DNS_ADDRESSES_MAX];
	size_t n;
};

struct lookup {
	struct dns_op op;
	dns_mx_done done;
	void *ctx;
	uint64_t question; /* the MX one, or the instant answer; 0: answered */
	char name[DNS_NAME_SIZE];
	struct dns_exchange hosts[DNS_MX_MAX];
	size_t n;
	struct part *parts; /* FAMILIES for each host */
	size_t n_parts, waiting;
	bool secure; /* the MX answer, or there was none to ask for */
	struct dns_mx result;
	struct dns_host literal;
	struct sockaddr_storage literal_addr;
};

static void lookup_free(struct lookup *k)
{
	dns_op_del(&k->op);
	free(k->parts);
	free(k);
}

static void lookup_cancel(struct dns_op *op)
{
	struct lookup *k = (struct lookup *)op;
	if (k->question)
		dns_cancel(op->dns, k->question);
	for (size_t i = 0; i < k->n_parts; i++)
		if (k->parts[i].question)
			dns_cancel(op->dns, k->parts[i].question);
	lookup_free(k);
}

static struct lookup *lookup_new(struct dns *d, dns_mx_done done, void *ctx)
{
	struct lookup *k = mem_new(struct lookup);
	k->done = done;
	k->ctx = ctx;
	dns_op_add(d, &k->op, lookup_cancel);
	return k;
}

static void finish(struct lookup *k, enum dns_status st)
{
	k->result.status = st;
	k->done(k->ctx, &k->result);
	lookup_free(k);
}

/* ---- addresses ------------------------------------------------------------------------------- */

static void shuffle(struct sockaddr_storage *v, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t other = random_u64() % i;
		struct sockaddr_storage t = v[i - 1];
		v[i - 1] = v[other];
		v[other] = t;
	}
}

/* The hosts with their addresses in one block of memory. */
static void give(struct lookup *k, enum dns_status st)
{
	struct dns_host *hosts = mem_zero(k->n * sizeof *hosts + 1);
	struct sockaddr_storage *all = mem_zero(k->n_parts * DNS_ADDRESSES_MAX * sizeof *all + 1);
	for (size_t i = 0, used = 0; i < k->n; i++) {
		hosts[i].name = k->hosts[i].host;
		hosts[i].pref = k->hosts[i].pref;
		hosts[i].secure = k->secure;
		hosts[i].addrs = all + used;
		for (size_t f = 0; f < FAMILIES; f++) {
			struct part *p = &k->parts[i * FAMILIES + f];
			shuffle(p->addrs, p->n);
			memcpy(all + used, p->addrs, p->n * sizeof *all);
			used += p->n;
			hosts[i].n_addrs += p->n;
			hosts[i].secure &= !p->n || p->secure;
		}
	}
	k->result.hosts = hosts;
	k->result.n_hosts = k->n;
	finish(k, st);
	free(hosts);
	free(all);
}

static void all_known(struct lookup *k)
{
	bool any = false, exists = false;
	for (size_t i = 0; i < k->n_parts; i++) {
		enum dns_status st = k->parts[i].status;
		any |= k->parts[i].n > 0;
		exists |= st == DNS_OK || st == DNS_NODATA;
		k->result.partial_fail |= st == DNS_TEMPFAIL;
	}
	if (any)
		give(k, DNS_OK);
	else if (k->result.partial_fail)
		give(k, DNS_TEMPFAIL);
	else if (exists || k->result.by_mx) /* the domain is there, its hosts are not */
		give(k, DNS_NODATA);
	else
		give(k, k->parts[0].status);
}

static void part_done(void *ctx, const struct dns_answer *a)
{
	struct part *p = ctx;
	p->question = 0;
	p->status = a->status;
	p->secure = a->secure;
	for (size_t i = 0; i < a->n && p->n < DNS_ADDRESSES_MAX; i++) {
		struct sockaddr_storage *at = &p->addrs[p->n];
		if (!(p->type == ns_t_a ? dns_rdata_a : dns_rdata_aaaa)(a->rdata[i], at))
			p->n++;
	}
	if (!--p->of->waiting)
		all_known(p->of);
}

static void ask_addresses(struct lookup *k)
{
	struct dns *d = k->op.dns;
	k->n_parts = k->n * FAMILIES;
	k->parts = mem_zero(k->n_parts * sizeof *k->parts);
	k->waiting = k->n_parts;
	for (size_t i = 0; i < k->n_parts; i++) {
		struct part *p = &k->parts[i];
		p->of = k;
		p->host = i / FAMILIES;
		p->type = (i % FAMILIES == 0) == d->ipv6_first ? ns_t_aaaa : ns_t_a;
		struct str name = str_of(k->hosts[p->host].host);
		p->question = dns_query(d, name, p->type, part_done, p);
	}
}

static void ask_one_host(struct lookup *k)
{
	k->n = 1;
	memcpy(k->hosts[0].host, k->name, sizeof k->name);
	ask_addresses(k);
}

/* ---- MX -------------------------------------------------------------------------------------- */

/* Takes what can be used; names that are addresses are counted, "." and junk are passed over. */
static size_t take_exchanges(
    struct lookup *k, const struct dns_answer *a, struct dns_exchange *all, size_t *literals)
{
	size_t n = 0;
	for (size_t i = 0; i < a->n; i++) {
		struct dns_exchange *x = &all[n];
		struct sockaddr_storage ss;
		if (dns_rdata_mx(a->rdata[i], &x->pref, x->host))
			continue;
		if (!x->host[0])
			k->result.null_mx = a->n == 1;
		else if (dns_literal(str_of(x->host), &ss))
			++*literals;
		else
			n++;
	}
	return n;
}

static void mx_found(struct lookup *k, const struct dns_answer *a)
{
	struct dns_exchange *all = mem_zero(a->n * sizeof *all + 1);
	size_t literals = 0, n = take_exchanges(k, a, all, &literals);
	dns_exchange_sort(all, n);
	k->n = n < DNS_MX_MAX ? n : DNS_MX_MAX;
	memcpy(k->hosts, all, k->n * sizeof *all);
	free(all);
	if (k->result.null_mx) {
		finish(k, DNS_OK);
	} else if (k->n) {
		k->result.by_mx = true;
		ask_addresses(k);
	} else {
		k->result.bad_mx = literals > 0;
		finish(k, literals ? DNS_BADNAME : DNS_NODATA);
	}
}

static void mx_done(void *ctx, const struct dns_answer *a)
{
	struct lookup *k = ctx;
	k->question = 0;
	k->secure = a->secure;
	if (a->status == DNS_OK) {
		mx_found(k, a);
	} else if (a->status == DNS_NODATA) {
		k->result.implicit = true;
		ask_one_host(k);
	} else {
		finish(k, a->status);
	}
}

uint64_t dns_mx(struct dns *d, struct str domain, dns_mx_done done, void *ctx)
{
	struct lookup *k = lookup_new(d, done, ctx);
	if (dns_name_ascii(domain, k->name))
		k->question = dns_query(d, str_of(k->name), ns_t_mx, mx_done, k);
	else
		k->question = dns_instant(d, DNS_BADNAME, mx_done, k);
	return k->op.id;
}

/* ---- one host -------------------------------------------------------------------------------- */

static void literal_done(void *ctx, const struct dns_answer *a UNUSED)
{
	struct lookup *k = ctx;
	k->question = 0;
	k->literal = (struct dns_host){.name = k->name, .addrs = &k->literal_addr, .n_addrs = 1};
	k->result.hosts = &k->literal;
	k->result.n_hosts = 1;
	finish(k, DNS_OK);
}

uint64_t dns_addresses(struct dns *d, struct str host, dns_mx_done done, void *ctx)
{
	struct lookup *k = lookup_new(d, done, ctx);
	uint64_t id = k->op.id;
	if (dns_literal(host, &k->literal_addr)) {
		memcpy(k->name, host.p, host.n);
		k->question = dns_instant(d, DNS_OK, literal_done, k);
	} else if (dns_name_ascii(host, k->name)) {
		k->secure = true;
		ask_one_host(k);
	} else {
		k->question = dns_instant(d, DNS_BADNAME, mx_done, k);
	}
	return id;
}
