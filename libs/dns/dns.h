/*
 * libs/dns: asynchronous look-ups (libunbound), on the event loop.
 *
 * Resolvers come from etc/resolver ("ADDRESS@PORT" a line) when it exists, else from
 * /etc/resolv.conf; both are read before any chroot.  Answers distinguish "does not exist" from
 * "cannot tell now": only the first may ever fail mail for good.
 */
#ifndef COURIER_DNS_H
#define COURIER_DNS_H

#include <netinet/in.h>
#include <sys/socket.h>
#include "service/service.h"

enum dns_status {
	DNS_OK,
	DNS_NODATA,   /* the name exists, the type does not */
	DNS_NXDOMAIN,
	DNS_TEMPFAIL, /* time-out, SERVFAIL, bogus, refused */
	DNS_BADNAME,  /* not a domain name */
};

struct dns;
struct dns *dns_new(struct loop *l, const struct instance *in); /* NULL: logged */
void dns_free(struct dns *d);

struct dns_answer {
	enum dns_status status;
	const struct str *rdata; /* raw rdata of each record, n of them */
	size_t n;
	uint32_t ttl;
	bool secure; /* DNSSEC */
};
/* name: A-labels or U-labels.  The callback comes later, never inside the call.  Id for dns_cancel. */
typedef void (*dns_done)(void *ctx, const struct dns_answer *a);
uint64_t dns_query(struct dns *d, struct str name, uint16_t type, dns_done done, void *ctx);
void dns_cancel(struct dns *d, uint64_t id);

/* The hosts that take mail for a domain, in order of trial, addresses looked up. */
struct dns_host {
	char *name;
	uint16_t pref;
	struct sockaddr_storage *addrs; /* IPv6 and IPv4 as the setting prefers */
	size_t n_addrs;
};
struct dns_mx {
	enum dns_status status;
	bool null_mx;  /* RFC 7505: the domain takes no mail */
	bool implicit; /* no MX, the domain's own address */
	bool partial_fail; /* some address look-ups failed for now */
	struct dns_host *hosts;
	size_t n_hosts;
};
typedef void (*dns_mx_done)(void *ctx, const struct dns_mx *mx);
uint64_t dns_mx(struct dns *d, struct str domain, dns_mx_done done, void *ctx);
uint64_t dns_addresses(struct dns *d, struct str host, dns_mx_done done, void *ctx); /* one host, no MX */

typedef void (*dns_name_done)(void *ctx, enum dns_status st, struct str name);
/* Forward-confirmed reverse name of an address. */
uint64_t dns_reverse(struct dns *d, const struct sockaddr *sa, dns_name_done done, void *ctx);

#endif
