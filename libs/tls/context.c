/* Settings, and the OpenSSL contexts made of them. */
#include "config.h"
#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include "tls/tls-private.h"

const char *tls_error_text(void)
{
	unsigned long e = ERR_get_error();
	const char *text = e ? ERR_reason_error_string(e) : NULL;

	ERR_clear_error();
	return text ? text : "unknown reason";
}

void tls_log_errors(const char *what)
{
	log_error(NULL, "TLS: %s: %s", what, tls_error_text());
}

/* Certificates of one PEM file into the store; how many. */
static int trust_file(X509_STORE *store, const char *path)
{
	BIO *in = BIO_new_file(path, "r");
	X509 *cert;
	int n = 0;

	if (!in)
		return 0;
	while ((cert = PEM_read_bio_X509(in, NULL, NULL, NULL))) {
		n += X509_STORE_add_cert(store, cert) == 1;
		X509_free(cert);
	}
	BIO_free(in);
	ERR_clear_error();
	return n;
}

/* A folder is read whole now: it can't be reached any more from the chroot. */
static int trust_folder(X509_STORE *store, const char *path, DIR *dir)
{
	struct dirent *e;
	int n = 0;

	while ((e = readdir(dir))) {
		char *file;

		if (e->d_name[0] == '.')
			continue;
		file = mem_printf("%s/%s", path, e->d_name);
		n += trust_file(store, file);
		free(file);
	}
	closedir(dir);
	return n;
}

X509_STORE *tls_trust_read(const struct config *c, const char *component, const char *setting)
{
	X509_STORE *store = X509_STORE_new();
	char *path;
	DIR *dir;
	int n;

	if (!store)
		return NULL;
	path = config_path(c, config_str(c, component, setting, NULL));
	dir = opendir(path);
	n = dir ? trust_folder(store, path, dir) : trust_file(store, path);
	if (n == 0)
		log_warning(NULL, "TLS: no certificate found in '%s'; look at %s", path, setting);
	free(path);
	return store;
}

static void common_options(SSL_CTX *ctx)
{
	SSL_CTX_set_options(
	    ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	/* idle connections hold no record buffers; our output buffer may move between tries */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

/* Groups for TLS 1.2 below TLS_MIN_DH_BITS are refused, ours and a server's; the rest is OpenSSL's
 * own judgement. */
static int (*own_judgement)(const SSL *, const SSL_CTX *, int, int, int, void *, void *);

static int judge(
    const SSL *ssl, const SSL_CTX *ctx, int op, int bits, int nid, void *other, void *min_dh)
{
	if (op == SSL_SECOP_TMP_DH && other)
		return EVP_PKEY_get_bits(other) >= (intptr_t)min_dh;
	return own_judgement(ssl, ctx, op, bits, nid, other, NULL);
}

static void set_min_dh(SSL_CTX *ctx, const struct tls_options *o)
{
	if (!o->min_dh)
		return;
	if (!own_judgement)
		own_judgement = SSL_CTX_get_security_callback(ctx);
	SSL_CTX_set_security_callback(ctx, judge);
	SSL_CTX_set0_security_ex_data(ctx, (void *)(intptr_t)o->min_dh);
}

/* Ours, from TLS_DHPARAMS; else OpenSSL chooses one as strong as the certificate. */
static void set_dh(SSL_CTX *ctx, const struct tls_options *o)
{
	if (o->dh && EVP_PKEY_up_ref(o->dh) == 1) {
		if (SSL_CTX_set0_tmp_dh_pkey(ctx, o->dh) == 1)
			return;
		tls_log_errors("cannot use the Diffie-Hellman group");
		EVP_PKEY_free(o->dh);
	}
	SSL_CTX_set_dh_auto(ctx, 1);
}

static void server_options(SSL_CTX *ctx, struct tls_options *o)
{
	SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets alone */
	SSL_CTX_set_session_id_context(
	    ctx, (const unsigned char *)o->scope, (unsigned int)strlen(o->scope));
	SSL_CTX_set_timeout(ctx, SESSION_S);
	SSL_CTX_set_num_tickets(ctx, o->resume ? 1 : 0);
	if (!o->resume)
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	set_dh(ctx, o);
	SSL_CTX_set_alpn_select_cb(ctx, tls_alpn_choose, o);
	SSL_CTX_set_verify(ctx, o->verify, NULL);
}

SSL_CTX *tls_context(struct tls_options *o, bool server)
{
	SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());

	if (!ctx)
		goto fail;
	common_options(ctx);
	set_min_dh(ctx, o);
	if (server)
		server_options(ctx, o);
	if (SSL_CTX_set_min_proto_version(ctx, o->min_version) != 1)
		goto fail;
	if (o->min_version < TLS1_2_VERSION) /* OpenSSL bars them from its level 1 on */
		SSL_CTX_set_security_level(ctx, 0);
	if (o->ciphers && SSL_CTX_set_cipher_list(ctx, o->ciphers) != 1)
		goto fail;
	if (o->trust)
		SSL_CTX_set1_cert_store(ctx, o->trust);
	return ctx;
fail:
	tls_log_errors("cannot make a context");
	SSL_CTX_free(ctx);
	return NULL;
}
