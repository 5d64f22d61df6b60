/*
 * Lists of addresses in the DNS (RFC 5782): what is asked, and what the answers mean.  Pure.
 *
 * A record counts when it is in 127.0.0.0/8; other addresses come from a resolver or a domain that
 * answers everything.  127.255.255.0/24 is how lists say that the question itself was refused
 * (too many, or through a public resolver): that is a fault of the list, not of the client, unless
 * the option asks for just that value.
 */
#ifndef COURIER_ACCESS_DNSLIST_H
#define COURIER_ACCESS_DNSLIST_H

#include "access/options.h"

enum {
	DNS_LIST_NAME_SIZE = 256,
	DNS_LIST_RECORDS = 16, /* addresses of one answer that are looked at */
	DNS_LIST_TXT_SIZE = 300,
};

/* "4.3.2.1.ZONE", nibbles for IPv6; false when that is no name. */
bool dns_list_name(const struct access_addr *a, struct str zone, char out[DNS_LIST_NAME_SIZE]);
/* The name that no list may have (RFC 5782, 5): the entry of 127.0.0.1, or ::ffff:127.0.0.1. */
bool dns_list_probe(const struct access_addr *a, struct str zone, char out[DNS_LIST_NAME_SIZE]);

/* What came back for one list. */
struct dns_list_answer {
	bool failed;  /* some answer is missing */
	bool ignored; /* the list lists the world */
	unsigned n;   /* addresses */
	unsigned char a[DNS_LIST_RECORDS][4];
	char txt[DNS_LIST_TXT_SIZE]; /* the first text, fit to be shown; empty: none */
};
/* Keeps of a text what can stand in a reply and in a header. */
void dns_list_text(struct str txt, char out[DNS_LIST_TXT_SIZE]);

enum dns_list_state { DNS_LIST_MISS, DNS_LIST_HIT, DNS_LIST_DOWN };
/* which: the address that counts, its index in a; -1: a text alone. */
enum dns_list_state dns_list_read(
    const struct dns_list *l, const struct dns_list_answer *r, int *which);

/*
 * All lists in their order: a variable that env has already is left alone, so the first hit for it
 * counts.  Adds VAR, VAR_IP, VAR_TXT and VAR_ZONE to env as NAME=value lines.  hit: bit i for each
 * list that has set its variable.
 */
void dns_lists_judge(const struct dns_list *lists, size_t n, const struct dns_list_answer *answers,
    struct str ip, struct buf *env, uint32_t *hit);

/* "ME; dnswl=pass dns.zone=Z policy.ip=I policy.txt=T; ..." (RFC 8904) of -allow lists with a hit;
 * nothing when there is none. */
void dns_lists_results(const struct dns_list *lists, size_t n,
    const struct dns_list_answer *answers, uint32_t hit, struct str me, struct buf *out);

#endif
