/*
 * Fetching a policy (RFC 8461, 3.3): HTTPS alone, the server's certificate checked for its name,
 * no redirects, no proxy, no cookies, status 200, text/plain, a limit of time and one of size.
 * libcurl, on the loop; names are resolved by the caller, so this works in an empty root folder.
 */
#ifndef COURIER_STS_FETCH_H
#define COURIER_STS_FETCH_H

#include <sys/socket.h>
#include "event/event.h"
#include "sts/sts.h"

enum {
	STS_FETCH_MS = 60 * 1000, /* for all of it, as the RFC says */
	STS_CONNECT_MS = 20 * 1000,
	STS_FETCHES = 64, /* at a time; callers keep to it */
	STS_HTTPS_PORT = 443,
};

struct sts_fetcher;
struct x509_store_st;
/* trust: an OpenSSL X509_STORE with the authorities, kept.  Before the root folder is changed.
 * NULL: logged. */
struct sts_fetcher *sts_fetcher_new(struct loop *l, struct x509_store_st *trust, uint16_t port);
/* By way of a SOCKS 5 proxy, "ADDRESS:PORT" ("[IPv6]:PORT"), from now on; user "": without a
 * password.  -1: no memory. */
int sts_fetcher_proxy(
    struct sts_fetcher *f, const char *where, const char *user, const char *password);
void sts_fetcher_free(struct sts_fetcher *f); /* what is under way ends without a word */

/* why: NULL, then body is the text; else one line, and body is empty.  Both are valid inside the
 * call, which comes later. */
typedef void (*sts_fetched)(void *ctx, const char *why, struct str body);
struct sts_fetch;
/* host: "mta-sts.DOMAIN" in A-labels; its addresses.  NULL: no memory. */
struct sts_fetch *sts_fetch(struct sts_fetcher *f, const char *host,
    const struct sockaddr_storage *addrs, size_t n, sts_fetched done, void *ctx);
void sts_fetch_cancel(struct sts_fetch *t); /* not inside its callback */

#endif
