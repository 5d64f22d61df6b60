/* testmxlookup: the mail servers of a domain, as the esmtp module finds them. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include "dns/dns.h"

struct run {
	struct loop *loop;
	const char *domain;
	bool dnssec;
	int status; /* of the program */
};

static int usage(void)
{
	fprintf(stderr,
	    "usage: testmxlookup [-C DIR] [@ADDRESS[@PORT]] [--dnssec] [--udpsize N] DOMAIN\n");
	return 1;
}

/* IPv4 addresses in IPv6 form: what reads the output expects them so. */
static const char *address_text(const struct sockaddr_storage *a, char text[INET6_ADDRSTRLEN + 8])
{
	char ip[INET6_ADDRSTRLEN] = "";
	bool six = a->ss_family == AF_INET6;
	const void *at = six ? (const void *)&((const struct sockaddr_in6 *)a)->sin6_addr
			     : (const void *)&((const struct sockaddr_in *)a)->sin_addr;
	inet_ntop(a->ss_family, at, ip, sizeof ip);
	snprintf(text, INET6_ADDRSTRLEN + 8, "%s%s", six ? "" : "::ffff:", ip);
	return text;
}

static void print_hosts(const struct run *r, const struct dns_mx *mx)
{
	char text[INET6_ADDRSTRLEN + 8];
	printf("Domain %s:\n", r->domain);
	for (size_t i = 0; i < mx->n_hosts; i++) {
		const struct dns_host *h = &mx->hosts[i];
		for (size_t k = 0; k < h->n_addrs; k++)
			printf("Relay: %s, Priority: %d, Address: %s%s\n", h->name,
			    mx->by_mx ? (int)h->pref : -1, address_text(&h->addrs[k], text),
			    r->dnssec && h->secure ? " (DNSSEC)" : "");
	}
}

/* Why it is for good. */
static const char *reason(const struct dns_mx *mx)
{
	if (mx->null_mx)
		return "it takes no mail (null MX, RFC 7505)";
	if (mx->bad_mx)
		return "its MX is an address, not a host (RFC 1035, 3.3.9)";
	if (mx->status == DNS_NXDOMAIN)
		return "no such domain";
	return mx->status == DNS_BADNAME ? "not a domain" : "no mail host has an address";
}

static void found(void *ctx, const struct dns_mx *mx)
{
	struct run *r = ctx;
	if (mx->status == DNS_OK && !mx->null_mx) {
		print_hosts(r, mx);
		r->status = 0;
	} else if (mx->status == DNS_TEMPFAIL) {
		printf("%s: soft error.\n", r->domain);
		fprintf(stderr, "testmxlookup: '%s': the name servers give no answer for now\n",
		    r->domain);
	} else {
		printf("%s: hard error.\n", r->domain);
		fprintf(stderr, "testmxlookup: '%s': %s\n", r->domain, reason(mx));
	}
	loop_stop(r->loop);
}

/* False: the options are wrong. */
static bool options(int argc, char **argv, const char **dir, struct dns_options *o, struct run *r)
{
	uint64_t n;
	for (int i = 1; i < argc; i++) {
		const char *next = i + 1 < argc ? argv[i + 1] : NULL;
		if (argv[i][0] == '@') {
			o->server = str_of(argv[i] + 1);
		} else if (strcmp(argv[i], "--dnssec") == 0) {
			o->dnssec = true;
		} else if (next && strcmp(argv[i], "--udpsize") == 0) {
			if (!str_u64(str_of(argv[++i]), &n) || n < 512 || n > 65535)
				return false;
			o->udp_size = (unsigned)n;
		} else if (next && strcmp(argv[i], "-C") == 0) {
			*dir = argv[++i];
		} else if (argv[i][0] == '-' || r->domain) {
			return false;
		} else {
			r->domain = argv[i];
		}
	}
	r->dnssec = o->dnssec;
	return r->domain;
}

static void ask(struct run *r, struct dns *d)
{
	struct str domain = str_of(r->domain);
	(domain.n && domain.p[0] == '[' ? dns_addresses : dns_mx)(d, domain, found, r);
	if (loop_run(r->loop) < 0)
		fprintf(stderr, "testmxlookup: the event loop failed\n");
}

int main(int argc, char **argv)
{
	struct run r = {.status = 1};
	struct dns_options o = {0};
	struct instance in = {0};
	const char *dir = NULL;
	char *why = NULL;
	log_open("testmxlookup", LOG_TO_STDERR, -1);
	if (!options(argc, argv, &dir, &o, &r))
		return usage();
	if (instance_find(&in, dir, &why) < 0) {
		fprintf(stderr, "testmxlookup: %s\n", why);
		free(why);
		return 1;
	}
	r.loop = loop_new();
	struct dns *d = r.loop ? dns_new_with(r.loop, &in, &o) : NULL;
	if (d)
		ask(&r, d);
	dns_free(d);
	loop_free(r.loop);
	instance_free(&in);
	return r.status;
}
