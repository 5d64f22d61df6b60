/* testmxlookup: the mail servers of a domain, as the esmtp module finds them, and its MTA-STS. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include "esmtp/testmxlookup.h"

struct run {
	struct loop *loop;
	struct dns *dns;
	const char *domain;
	struct sts_run sts;
	bool dnssec;
	int status; /* of the program */
};

static int usage(void)
{
	fprintf(stderr,
	    "usage: testmxlookup [-C DIR] [@ADDRESS[@PORT]] [--dnssec] [--udpsize N] [--sts |\n"
	    "           --sts-override=none|testing|enforce | --sts-purge] DOMAIN\n"
	    "       testmxlookup [-C DIR] --sts-expire | --sts-cache-disable |\n"
	    "           --sts-cache-enable[=SIZE]\n");
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
		bool refused = r->sts.found && r->sts.mode != STS_NONE &&
			       !sts_text_allows(buf_str(&r->sts.policy), str_of(h->name));
		for (size_t k = 0; k < h->n_addrs; k++)
			printf("Relay: %s, Priority: %d, Address: %s%s\n%s", h->name,
			    mx->by_mx ? (int)h->pref : -1, address_text(&h->addrs[k], text),
			    r->dnssec && h->secure ? " (DNSSEC)" : "",
			    refused ? "ERROR: STS Policy verification failed\n" : "");
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

static void print_policy(const struct sts_run *s)
{
	if (s->found && s->mode != STS_NONE)
		printf("STS: %s\n", s->mode == STS_ENFORCE ? "enforcing" : "testing");
}

static void policy_known(void *ctx)
{
	struct run *r = ctx;
	struct str domain = str_of(r->domain);
	if (r->sts.task != STS_TASK_LOOK) {
		r->status = sts_tell(&r->sts, r->domain);
		loop_stop(r->loop);
		return;
	}
	print_policy(&r->sts);
	(domain.n && domain.p[0] == '[' ? dns_addresses : dns_mx)(r->dns, domain, found, r);
}

/* False: the options are wrong. */
static bool options(int argc, char **argv, const char **dir, struct dns_options *o, struct run *r)
{
	uint64_t n;
	for (int i = 1; i < argc; i++) {
		const char *next = i + 1 < argc ? argv[i + 1] : NULL;
		int sts = sts_option(argv[i], &r->sts);
		if (sts < 0)
			return false;
		if (sts > 0)
			continue;
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
	return sts_needs_domain(&r->sts) == (r->domain != NULL);
}

static void begin(void *ctx)
{
	struct run *r = ctx;
	sts_look(&r->sts, r->domain, policy_known, r);
}

static void work(struct run *r, const struct instance *in)
{
	if (sts_prepare(&r->sts, r->loop, r->dns, in) < 0)
		return;
	if (!sts_needs_domain(&r->sts))
		r->status = sts_administer(&r->sts);
	else if (loop_defer(r->loop, begin, r) < 0 || loop_run(r->loop) < 0)
		fprintf(stderr, "testmxlookup: the event loop failed\n");
}

int main(int argc, char **argv)
{
	struct run r = {.status = 1, .sts.source.dir = -1};
	struct dns_options o = {0};
	struct instance in = {0};
	const char *dir = NULL;
	char *why = NULL;
	log_open("testmxlookup", LOG_TO_STDERR, -1);
	log_threshold(LOG_LEVEL_WARNING);
	if (!options(argc, argv, &dir, &o, &r))
		return usage();
	if (instance_find(&in, dir, &why) < 0) {
		fprintf(stderr, "testmxlookup: %s\n", why);
		free(why);
		return 1;
	}
	r.loop = loop_new();
	r.dns = r.loop ? dns_new_with(r.loop, &in, &o) : NULL;
	if (r.dns)
		work(&r, &in);
	sts_release(&r.sts);
	dns_free(r.dns);
	loop_free(r.loop);
	instance_free(&in);
	return r.status;
}
