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
	DNS_NODATA, /* the name exists, the type does not */
	DNS_NXDOMAIN,
	DNS_TEMPFAIL, /* time-out, SERVFAIL, bogus, refused */
	DNS_BADNAME,  /* not a domain name */
};

struct dns;
struct dns *dns_new(struct loop *l, const struct instance *in); /* NULL: logged */
/* The same, asking one server ("ADDRESS@PORT"); NULL (logged) also when that is no server. */
struct dns *dns_new_asking(struct loop *l, struct str server);
/* For a tool that asks one server, or wants signatures proved. */
struct dns_options {
	struct str server; /* ADDRESS or ADDRESS@PORT, instead of all files; empty: as they say */
	bool dnssec;       /* validate: answers tell whether they are secure */
	unsigned udp_size; /* of an answer (EDNS), 0: the library's */
};
struct dns *dns_new_with(
    struct loop *l, const struct instance *in, const struct dns_options *o); /* NULL: logged */
/* Reads the files again and forgets every answer; what is being asked is answered yet.  -1
 * (logged): all stays as it was. */
int dns_renew(struct dns *d, const struct instance *in);
void dns_free(struct dns *d); /* not inside a callback; what is asked is dropped without one */
void dns_prefer_ipv6(struct dns *d, bool yes); /* which family comes first; IPv4 unless told */

enum {
	DNS_NAME_SIZE = 256,    /* a name in text form with its NUL */
	DNS_MX_MAX = 30,        /* hosts of a domain that are looked at, the best ones */
	DNS_ADDRESSES_MAX = 16, /* of one host and family */
	DNS_ANSWER_MS = 20000,  /* no answer comes later than this after its question */
};

struct dns_answer {
	enum dns_status status;
	const struct str *rdata; /* raw rdata of each record, n of them */
	size_t n;
	uint32_t ttl;
	bool secure; /* DNSSEC */
};
/* name: A-labels or U-labels.  The callback comes later, never inside the call.  Id for dns_cancel.
 */
typedef void (*dns_done)(void *ctx, const struct dns_answer *a);
uint64_t dns_query(struct dns *d, struct str name, uint16_t type, dns_done done, void *ctx);
/* The same for a name whose labels may hold any byte but a dot (SPF makes such names). */
uint64_t dns_query_any(struct dns *d, struct str name, uint16_t type, dns_done done, void *ctx);
void dns_cancel(struct dns *d, uint64_t id);

/*
 * The hosts that take mail for a domain, in order of trial (equal preference: by chance), addresses
 * looked up.  DNS_OK: there is at least one address, or null_mx.  DNS_NXDOMAIN, DNS_NODATA and
 * DNS_BADNAME are certain; when any look-up that could have given an address failed for now and no
 * other gave one, it is DNS_TEMPFAIL.  Everything is valid inside the callback only.
 */
struct dns_host {
	char *name;
	uint16_t pref;
	struct sockaddr_storage *addrs; /* IPv6 and IPv4 as the setting prefers */
	size_t n_addrs;
	bool secure; /* by DNSSEC: the way to this host and its addresses */
};
struct dns_mx {
	enum dns_status status;
	bool
	    bad_mx; /* every MX names an address instead of a host (RFC 1035, 3.3.9); DNS_BADNAME */
	bool null_mx;      /* RFC 7505: the domain takes no mail */
	bool implicit;     /* no MX, the domain's own address */
	bool by_mx;        /* the hosts come from MX records */
	bool partial_fail; /* some address look-ups failed for now */
	struct dns_host *hosts;
	size_t n_hosts;
};
typedef void (*dns_mx_done)(void *ctx, const struct dns_mx *mx);
uint64_t dns_mx(struct dns *d, struct str domain, dns_mx_done done, void *ctx);
/* One host without MX; "[192.0.2.1]", "[IPv6:::1]" and bare addresses give themselves. */
uint64_t dns_addresses(struct dns *d, struct str host, dns_mx_done done, void *ctx);

typedef void (*dns_name_done)(void *ctx, enum dns_status st, struct str name);
/* Forward-confirmed reverse name of an address, lower case; DNS_NODATA when it has none,
 * DNS_BADNAME when none of its names leads back. */
uint64_t dns_reverse(struct dns *d, const struct sockaddr *sa, dns_name_done done, void *ctx);

#endif
