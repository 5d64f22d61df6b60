/* The client side. */
#include "config.h"
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include "tls/tls-private.h"

struct tls_client {
	SSL_CTX *ctx;
	struct tls_server *keeper;     /* of the certificate we show; NULL: none, ctx is used */
	X509_STORE *private_trust;     /* NULL: nobody */
	struct tls_sessions *sessions; /* NULL: none are resumed */
};

/* Adds the context without a certificate of ours. */
static struct tls_client *plain(struct tls_client *t, const struct config *c, const char *component)
{
	struct tls_options o;

	if (tls_options_read(&o, c, component, false) == 0) {
		t->ctx = tls_context(&o, false);
		tls_options_release(&o);
	}
	if (t->ctx)
		return t;
	tls_client_free(t);
	return NULL;
}

void tls_client_resume(struct tls_client *t)
{
	t->sessions = tls_sessions_new();
}

static struct tls_client *with_trust(const struct config *c, const char *component)
{
	struct str trust = config_str(c, component, "TLS_TRUSTSECURITYCERTS", NULL);
	struct tls_client *t = mem_new(struct tls_client);

	t->private_trust = trust.n ? tls_trust_read(c, component, "TLS_TRUSTSECURITYCERTS") : NULL;
	return t;
}

struct tls_client *tls_client_new(const struct config *c, const char *component)
{
	return plain(with_trust(c, component), c, component);
}

struct tls_client *tls_client_new_plain(const struct config *c, const char *component)
{
	return plain(mem_new(struct tls_client), c, component);
}

struct tls_client *tls_client_new_keyed(struct service *s, const char *component)
{
	const struct config *c = service_config(s);
	struct tls_client *t = with_trust(c, component);

	if (!config_str(c, component, "TLS_CERTFILE", NULL).n)
		return plain(t, c, component);
	t->keeper = tls_keeper_new(s, component);
	if (t->keeper)
		return t;
	tls_client_free(t);
	return NULL;
}

static SSL_CTX *context_of(const struct tls_client *t)
{
	return t->keeper ? tls_keeper_context(t->keeper) : t->ctx;
}

bool tls_client_usable(const struct tls_client *t)
{
	return context_of(t);
}

void tls_client_free(struct tls_client *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->ctx);
	tls_server_free(t->keeper);
	tls_sessions_free(t->sessions);
	X509_STORE_free(t->private_trust);
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

/* Nobody but the authorities of TLS_TRUSTSECURITYCERTS, which may be nobody at all. */
static bool trust_private(SSL *ssl, const struct tls_client *t)
{
	X509_STORE *store = t->private_trust ? t->private_trust : X509_STORE_new();
	bool ok = store && SSL_set1_verify_cert_store(ssl, store) == 1;

	if (store != t->private_trust)
		X509_STORE_free(store);
	return ok;
}

void tls_client_forget(struct tls_client *t, const char *name, enum tls_verify v)
{
	if (t->sessions)
		tls_sessions_forget(t->sessions, name, v);
}

int tls_connect(struct stream *st, struct tls_client *t, const char *name, enum tls_verify v)
{
	bool named = name && name[0], private = v == TLS_VERIFY_PRIVATE, again = false;
	SSL_CTX *own = named && t->keeper ? tls_keeper_context_for(t->keeper, name) : NULL;
	SSL_CTX *ctx = own ? own : context_of(t);
	SSL *ssl = ctx ? SSL_new(ctx) : NULL;

	if (!ssl)
		return -1;
	/* the name is checked in every mode where it is known: tls_peer_verified tells the result
	 */
	if (((private || v == TLS_VERIFY_NAME) && !named) || (private && !trust_private(ssl, t)) ||
	    (named && !set_name(ssl, name, v != TLS_VERIFY_CHAIN))) {
		ERR_clear_error();
		SSL_free(ssl);
		return -1;
	}
	SSL_set_verify(ssl, v == TLS_OPPORTUNISTIC ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	if (t->sessions)
		again = tls_sessions_use(t->sessions, ctx, ssl, v);
	if (tls_start(st, ssl, false))
		return -1;
	return again ? TLS_RESUMING : 0;
}
