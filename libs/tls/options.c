/* The words of TLS settings, and what they come to. */
#include "config.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include "tls/tls-private.h"

/* What OpenSSL chooses by itself is at least as large. */
enum { DH_AUTO_BITS = 2048 };

const struct config_setting tls_settings[] = {TLS_SERVER_ROWS("")};
const size_t tls_settings_n = ARRAY_LEN(tls_settings);

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

/* Every form means "at least".  The "++" that switched renegotiation off in the original adds
 * nothing: there is none here. */
int tls_lowest_version(struct str value)
{
	for (int plus = 0; plus < 2 && value.n && value.p[value.n - 1] == '+'; plus++)
		value.n--;
	for (size_t i = 0; i < ARRAY_LEN(versions); i++)
		if (str_iis(value, versions[i].word))
			return versions[i].version;
	return 0;
}

bool tls_protocol_ok(struct str value)
{
	return tls_lowest_version(value) != 0;
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

bool tls_alpn_ok(struct str value)
{
	struct buf b;
	bool ok;

	buf_init(&b, ALPN_MAX);
	ok = tls_alpn_wire(value, &b);
	buf_free(&b);
	return ok;
}

bool tls_alpn_wire(struct str words, struct buf *out)
{
	struct str word;

	while (str_word(&words, &word))
		if (word.n > UINT8_MAX || !buf_addc(out, (char)word.n) || !buf_adds(out, word))
			return false;
	return true;
}

/* A client that names protocols and ours is not among them means another server, or was led here
 * by somebody who wants it to (RFC 7301, section 3.2). */
int tls_alpn_choose(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *in,
    unsigned int in_n, void *options)
{
	const struct tls_options *o = options;
	unsigned char *chosen;

	if (!o->alpn.n)
		return SSL_TLSEXT_ERR_NOACK;
	if (SSL_select_next_proto(&chosen, n, (const unsigned char *)o->alpn.p,
		(unsigned int)o->alpn.n, in, in_n) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* The smallest group of RFC 7919 that is large enough. */
static EVP_PKEY *standard_dh(int bits)
{
	static const int sizes[] = {2048, 3072, 4096, 6144, 8192};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
	EVP_PKEY *dh = NULL;
	char name[16];
	size_t i = 0;

	while (i + 1 < ARRAY_LEN(sizes) && sizes[i] < bits)
		i++;
	snprintf(name, sizeof name, "ffdhe%d", sizes[i]);
	if (!ctx || EVP_PKEY_paramgen_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_group_name(ctx, name) != 1 || EVP_PKEY_paramgen(ctx, &dh) != 1)
		dh = NULL;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return dh;
}

static EVP_PKEY *read_dh(
    const struct config *c, const char *component, struct str file, int min_bits)
{
	char *path = config_path(c, file);
	BIO *in = BIO_new_file(path, "r");
	EVP_PKEY *dh = in ? PEM_read_bio_Parameters(in, NULL) : NULL;
	bool fine = dh && (EVP_PKEY_is_a(dh, "DH") || EVP_PKEY_is_a(dh, "DHX")) &&
		    EVP_PKEY_get_bits(dh) >= min_bits;

	BIO_free(in);
	ERR_clear_error();
	if (!fine) {
		log_warning(NULL,
		    "%s: TLS_DHPARAMS: '%s' %s; a group that fits the certificate is used",
		    component, path,
		    dh ? "has no Diffie-Hellman group, or one smaller than TLS_MIN_DH_BITS"
		       : "has no parameters in PEM form");
		EVP_PKEY_free(dh);
		dh = NULL;
	}
	free(path);
	return dh;
}

static int peers(const struct config *c, const char *component)
{
	struct str s = config_str(c, component, "TLS_VERIFYPEER", NULL);

	if (str_iis(s, "PEER"))
		return SSL_VERIFY_PEER;
	if (str_iis(s, "REQUIREPEER"))
		return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	return SSL_VERIFY_NONE;
}

/* Who asks for certificates looks at them every time: a ticket would outlive them. */
static void read_server(struct tls_options *o, const struct config *c, const char *component)
{
	struct str dh = config_str(c, component, "TLS_DHPARAMS", NULL);

	o->verify = peers(c, component);
	o->resume =
	    o->verify == SSL_VERIFY_NONE && config_int(c, component, "TLS_CACHESIZE", NULL) > 0;
	o->timeout = config_int(c, component, "TLS_TIMEOUT", NULL) * 1000;
	o->dh = dh.n ? read_dh(c, component, dh, o->min_dh) : NULL;
	if (!o->dh && o->min_dh > DH_AUTO_BITS)
		o->dh = standard_dh(o->min_dh);
	(void)tls_alpn_wire(config_str(c, component, "TLS_ALPN", NULL), &o->alpn); /* checked */
	snprintf(o->scope, sizeof o->scope, "courier %s", component);
}

int tls_options_read(
    struct tls_options *o, const struct config *c, const char *component, bool server)
{
	struct str s = config_str(c, component, "TLS_CIPHER_LIST", NULL);

	*o = (struct tls_options){.verify = SSL_VERIFY_NONE};
	buf_init(&o->alpn, ALPN_MAX);
	o->min_version = tls_lowest_version(config_str(c, component, "TLS_PROTOCOL", NULL));
	o->min_dh = (int)config_int(c, component, "TLS_MIN_DH_BITS", NULL);
	if (s.n)
		o->ciphers = mem_strndup(s.p, s.n);
	s = config_str(c, component, "TLS_TRUSTCERTS", NULL);
	if (s.n) {
		o->trust = tls_trust_read(c, component, "TLS_TRUSTCERTS");
		if (!o->trust)
			return -1;
	}
	if (server)
		read_server(o, c, component);
	return 0;
}

void tls_options_release(struct tls_options *o)
{
	free(o->ciphers);
	X509_STORE_free(o->trust);
	EVP_PKEY_free(o->dh);
	buf_free(&o->alpn);
	*o = (struct tls_options){0};
}
