/* The client side. */
#include "config.h"
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include "tls/tls-private.h"

struct tls_client {
	SSL_CTX *ctx;
};

struct tls_client *tls_client_new(const struct config *c, const char *component)
{
	struct tls_client *t;
	struct tls_options o;
	SSL_CTX *ctx;

	if (tls_options_read(&o, c, component, false) < 0)
		return NULL;
	ctx = tls_context(&o, false);
	tls_options_release(&o);
	if (!ctx)
		return NULL;
	t = mem_new(struct tls_client);
	t->ctx = ctx;
	return t;
}

void tls_client_free(struct tls_client *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->ctx);
	free(t);
}

static bool is_address(const char *name)
{
	unsigned char raw[16];

	return inet_pton(AF_INET, name, raw) == 1 || inet_pton(AF_INET6, name, raw) == 1;
}

/* The name in the certificate, and in the hello (which takes no addresses, RFC 6066). */
static bool set_name(SSL *ssl, const char *name, bool check)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (!is_address(name)) {
		if (SSL_set_tlsext_host_name(ssl, name) != 1)
			return false;
		X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
		return !check || X509_VERIFY_PARAM_set1_host(param, name, 0) == 1;
	}
	return !check || X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1;
}

int tls_connect(struct stream *st, struct tls_client *t, const char *name, enum tls_verify v)
{
	SSL *ssl = SSL_new(t->ctx);
	bool named = name && name[0];

	if (!ssl)
		return -1;
	/* the name is checked in every mode where it is known: tls_peer_verified tells the result
	 */
	if ((v == TLS_VERIFY_NAME && !named) ||
	    (named && !set_name(ssl, name, v != TLS_VERIFY_CHAIN))) {
		ERR_clear_error();
		SSL_free(ssl);
		return -1;
	}
	SSL_set_verify(ssl, v == TLS_OPPORTUNISTIC ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	return tls_start(st, ssl, false);
}
