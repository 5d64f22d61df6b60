/*
 * Record data in wire form (RFC 1035, 3.3; RFC 3596).  Pure functions over hostile bytes: 0, or -1
 * for anything but the exact form.  Compressed names are refused: libunbound expands them.
 */
#ifndef COURIER_DNS_RDATA_H
#define COURIER_DNS_RDATA_H

#include <netinet/in.h>
#include "dns/dns.h"

/* Text form in lower case without the last dot; the root is "".  Labels of anything but letters,
 * digits, '-' and '_' are refused, so a name can go into logs, headers and commands. */
int dns_rdata_name(struct str rdata, char out[DNS_NAME_SIZE]);
int dns_rdata_mx(struct str rdata, uint16_t *pref, char host[DNS_NAME_SIZE]);
int dns_rdata_a(struct str rdata, struct sockaddr_storage *out);
int dns_rdata_aaaa(struct str rdata, struct sockaddr_storage *out);
int dns_rdata_txt(struct str rdata, struct buf *out); /* its strings joined (RFC 7208, 3.3) */

/* A domain in A- or U-labels as a name to ask for: false when it can't be one. */
bool dns_name_ascii(struct str domain, char out[DNS_NAME_SIZE]);
/* A name with labels of any bytes, as libunbound reads it (odd bytes as \DDD); false when it is
 * none. */
enum { DNS_ESCAPED_SIZE = 4 * DNS_NAME_SIZE };
bool dns_name_escaped(struct str name, char out[DNS_ESCAPED_SIZE]);
/* An address in text, bare or as a literal in brackets (RFC 5321, 4.1.3); port is set to 0. */
bool dns_literal(struct str text, struct sockaddr_storage *out);
/* The domain itself, or a name below it; case does not count. */
bool dns_name_within(struct str name, struct str domain);
/* The name below in-addr.arpa or ip6.arpa; false for other families. */
bool dns_reverse_name(const struct sockaddr *sa, char out[DNS_NAME_SIZE]);
bool dns_same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b);

#endif
