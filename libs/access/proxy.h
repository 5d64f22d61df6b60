/*
 * The header of the PROXY protocol, versions 1 and 2: who a balancer's connection really is from.
 * Pure; the bytes are hostile.
 *
 *	v1   "PROXY TCP4 SRC DST SPORT DPORT" CR LF, at most 107 bytes; "PROXY UNKNOWN ..."
 *	v2   12 bytes of signature, version and command, family, 16 bits of length, addresses, then
 *	     TLVs, which are skipped
 */
#ifndef COURIER_ACCESS_PROXY_H
#define COURIER_ACCESS_PROXY_H

#include "access/access.h"

enum { PROXY_HEADER_MAX = 16 + 2048, PROXY_V1_MAX = 107 };

enum proxy_verdict {
	PROXY_MORE,  /* bytes are missing */
	PROXY_KNOWN, /* the addresses are there */
	PROXY_LOCAL, /* the balancer itself (LOCAL, UNKNOWN, other families): the socket's hold */
	PROXY_BAD,
};

struct proxy_header {
	struct access_addr from, to;
	uint16_t from_port, to_port;
	size_t used; /* bytes of the header, the session's begin behind */
};

enum proxy_verdict proxy_header_parse(struct str bytes, struct proxy_header *out);

/*
 * The same off a socket, byte for byte, so that what follows, perhaps TLS, is left there.  *n bytes
 * are in hand.  1: *v is known (never PROXY_MORE); 0: when the socket can be read again; -1: the
 * connection is gone.
 */
int proxy_header_take(
    int fd, char bytes[PROXY_HEADER_MAX], size_t *n, struct proxy_header *h, enum proxy_verdict *v);

#endif
