/*
 * etc/esmtproutes: where mail for a domain goes when DNS is not to decide, and how.
 *
 *	DOMAIN:[RELAY][,PORT][/SECURITY=STARTTLS|REQUIRED|SMTPS][/IPV4ONLY|/IPV6ONLY]
 *
 * DOMAIN is a name, ".name" for everything below it, or nothing for every domain; the first line
 * that fits counts.  RELAY is a host (its MX, then its addresses), "[ip]", or nothing for DNS.
 */
#ifndef COURIER_SMTP_ROUTES_H
#define COURIER_SMTP_ROUTES_H

#include "base/base.h"

enum route_security {
	ROUTE_OPPORTUNISTIC, /* STARTTLS when it is offered */
	ROUTE_REQUIRED,      /* STARTTLS or nothing */
	ROUTE_EXTENSION,     /* STARTTLS with a certificate of our own trust: SECURITY=STARTTLS */
	ROUTE_SMTPS,         /* TLS from the first byte */
};
enum route_family { ROUTE_ANY, ROUTE_IPV4, ROUTE_IPV6 };

enum { ROUTE_LINE_MAX = 1024, ROUTES_MAX = 100000 };

struct route {
	struct str relay; /* as written, "[ip]" with its brackets; empty: DNS decides */
	uint16_t port;
	enum route_security security;
	enum route_family family;
};

struct routes;
struct routes *routes_new(void);
void routes_free(struct routes *r); /* NULL is fine */
/* One line of the file.  NULL, or what is wrong with it; blank lines and comments do nothing. */
const char *routes_add(struct routes *r, struct str line);
const char *routes_line_wrong(struct str line); /* the same for a line alone */
/* The route of a domain (A- or U-labels, as in the file; compared without case).  Its strings live
 * as long as the routes.  Without a line that fits: DNS, port 25, opportunistic. */
struct route routes_find(const struct routes *r, struct str domain);

#endif
