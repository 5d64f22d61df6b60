/* Authorities for who speaks TLS by other means. */
#include "config.h"
#include "tls/tls-private.h"

struct x509_store_st *tls_trust_store(
    const struct config *c, const char *component, const char *setting)
{
	struct str where = config_str(c, component, setting, NULL);

	return where.n ? tls_trust_read(c, component, setting) : X509_STORE_new();
}

void tls_trust_store_free(struct x509_store_st *s)
{
	X509_STORE_free(s);
}
