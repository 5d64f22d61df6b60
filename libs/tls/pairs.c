#include "config.h"

#include "tls/pairs.h"
#include "tls/tls-private.h"

#include <openssl/x509v3.h>
#include <stdlib.h>

void pairs_clear(struct pairs *p)
{
	for (size_t i = 0; i < p->list.n; i++) {
		free(p->list.v[i].suffix);
		SSL_CTX_free(p->list.v[i].ctx);
	}
	vec_free(&p->list);
}

SSL_CTX *pairs_main(const struct pairs *p)
{
	for (size_t i = 0; i < p->list.n; i++)
		if (!p->list.v[i].suffix[0])
			return p->list.v[i].ctx;
	return NULL;
}

SSL_CTX *pairs_by_address(const struct pairs *p, struct str address)
{
	for (size_t i = 0; i < p->list.n; i++)
		if (tls_suffix_is_address(str_of(p->list.v[i].suffix), address))
			return p->list.v[i].ctx;
	return NULL;
}

SSL_CTX *pairs_by_suffix(const struct pairs *p, struct str host)
{
	SSL_CTX *best = NULL;
	size_t fits = 0;

	for (size_t i = 0; i < p->list.n; i++) {
		size_t n = tls_suffix_fits(str_of(p->list.v[i].suffix), host);

		if (n > fits) {
			fits = n;
			best = p->list.v[i].ctx;
		}
	}
	return best;
}

static bool made_for(SSL_CTX *ctx, const char *host)
{
	X509 *cert = SSL_CTX_get0_certificate(ctx);

	return cert && X509_check_host(cert, host, 0, 0, NULL) == 1;
}

SSL_CTX *pairs_by_certificate(const struct pairs *p, SSL_CTX *now, const char *host)
{
	if (made_for(now, host))
		return now;
	for (size_t i = 0; i < p->list.n; i++)
		if (made_for(p->list.v[i].ctx, host))
			return p->list.v[i].ctx;
	return NULL;
}

SSL_CTX *pairs_same(const struct pairs *p, struct str suffix)
{
	for (size_t i = 0; i < p->list.n; i++)
		if (str_is(suffix, p->list.v[i].suffix))
			return p->list.v[i].ctx;
	return NULL;
}
