/* Settings, and the OpenSSL contexts made of them. */
#include "config.h"
#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include "tls/tls-private.h"

const struct config_setting tls_settings[] = {TLS_SERVER_ROWS};
const size_t tls_settings_n = ARRAY_LEN(tls_settings);

enum { TRUST_FILE_MAX = 16 * 1024 * 1024 };

static const struct {
	const char *word;
	int version;
} versions[] = {
    {"TLS1", TLS1_VERSION},
    {"TLSv1", TLS1_VERSION},
    {"TLSv1.0", TLS1_VERSION},
    {"TLSv1.1", TLS1_1_VERSION},
    {"TLSv1.2", TLS1_2_VERSION},
    {"TLSv1.3", TLS1_3_VERSION},
};

/* Without "+" the original meant just that version for 1.1 and up; nobody wants TLS 1.3 switched
 * off by an old file, so the version is the lowest in every form. */
static int lowest_version(struct str value)
{
	while (value.n && value.p[value.n - 1] == '+')
		value.n--;
	for (size_t i = 0; i < ARRAY_LEN(versions); i++)
		if (str_iis(value, versions[i].word))
			return versions[i].version;
	return 0;
}

bool tls_protocol_ok(struct str value)
{
	return lowest_version(value) != 0;
}

bool tls_verifypeer_ok(struct str value)
{
	return str_iis(value, "NONE") || str_iis(value, "PEER") || str_iis(value, "REQUIREPEER");
}

bool tls_ciphers_ok(struct str value)
{
	SSL_CTX *ctx;
	char *z;
	bool ok;

	if (!value.n)
		return true;
	ctx = SSL_CTX_new(TLS_method());
	z = mem_strndup(value.p, value.n);
	ok = ctx && SSL_CTX_set_cipher_list(ctx, z) == 1;
	ERR_clear_error();
	free(z);
	SSL_CTX_free(ctx);
	return ok;
}

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

X509_STORE *tls_trust_read(struct str where, const char *setting)
{
	X509_STORE *store = X509_STORE_new();
	char *path;
	DIR *dir;
	int n;

	if (!store)
		return NULL;
	path = mem_strndup(where.p, where.n);
	dir = opendir(path);
	n = dir ? trust_folder(store, path, dir) : trust_file(store, path);
	if (n == 0)
		log_warning(NULL, "TLS: no certificate found in '%s'; look at %s", path, setting);
	free(path);
	return store;
}

int tls_options_read(
    struct tls_options *o, const struct config *c, const char *component, bool server)
{
	struct str s = config_str(c, component, "TLS_CIPHER_LIST", NULL);

	*o = (struct tls_options){.verify = SSL_VERIFY_NONE};
	o->min_version = lowest_version(config_str(c, component, "TLS_PROTOCOL", NULL));
	if (s.n)
		o->ciphers = mem_strndup(s.p, s.n);
	s = config_str(c, component, "TLS_TRUSTCERTS", NULL);
	if (s.n) {
		o->trust = tls_trust_read(s, "TLS_TRUSTCERTS");
		if (!o->trust)
			return -1;
	}
	if (server) {
		s = config_str(c, component, "TLS_VERIFYPEER", NULL);
		if (str_iis(s, "PEER"))
			o->verify = SSL_VERIFY_PEER;
		else if (str_iis(s, "REQUIREPEER"))
			o->verify = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	}
	return 0;
}

void tls_options_release(struct tls_options *o)
{
	free(o->ciphers);
	X509_STORE_free(o->trust);
	*o = (struct tls_options){0};
}

static void common_options(SSL_CTX *ctx)
{
	SSL_CTX_set_options(
	    ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	/* idle connections hold no record buffers; our output buffer may move between tries */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

static void server_options(SSL_CTX *ctx, const struct tls_options *o)
{
	static const unsigned char session_context[] = "courier";

	SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets alone */
	SSL_CTX_set_session_id_context(ctx, session_context, sizeof session_context - 1);
	SSL_CTX_set_num_tickets(ctx, 1);
	SSL_CTX_set_dh_auto(ctx, 1);
	SSL_CTX_set_verify(ctx, o->verify, NULL);
}

SSL_CTX *tls_context(const struct tls_options *o, bool server)
{
	SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());

	if (!ctx)
		goto fail;
	common_options(ctx);
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
