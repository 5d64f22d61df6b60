/* The certificates of a component, by the names of their files: which one is shown to whom. */
#ifndef COURIER_TLS_PAIRS_H
#define COURIER_TLS_PAIRS_H

#include "base/base.h"

#include <openssl/ssl.h>

struct pair {
	char *suffix; /* "", a host name or an address */
	SSL_CTX *ctx; /* with one certificate, or with one for each kind of key */
};

struct pairs {
	VEC(struct pair) list;
};

void pairs_clear(struct pairs *p);
/* The contexts stay the set's; NULL: there is none. */
SSL_CTX *pairs_main(const struct pairs *p);
SSL_CTX *pairs_same(const struct pairs *p, struct str suffix);
SSL_CTX *pairs_by_address(const struct pairs *p, struct str address);
SSL_CTX *pairs_by_suffix(const struct pairs *p, struct str host); /* the file nearest to the name */
/* No file is called so: a certificate that holds for the name all the same, the present one first.
 */
SSL_CTX *pairs_by_certificate(const struct pairs *p, SSL_CTX *now, const char *host);

#endif
