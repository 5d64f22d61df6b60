/*
 * Keys that are not here.  A key object for OpenSSL has the public half of a certificate and
 * methods whose private operation asks the signer.  OpenSSL leaves keys with foreign methods on the
 * path that calls them (for PSS it pads first and asks for the raw operation).  The interface is
 * marked as deprecated in OpenSSL 3 in favour of providers, of which a signing one is ten times the
 * code.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "config.h"
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include "tls/tls-private.h"

struct remote {
	unsigned char fingerprint[KEY_FINGERPRINT];
	tls_signer sign;
	void *ctx;
};

static int rsa_slot = -1, ec_slot = -1;
static RSA_METHOD *rsa_method;
static EC_KEY_METHOD *ec_method;

enum { SIGNATURE_MAX = 2048 }; /* RSA of 16384 bits */

static void remote_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	free(ptr);
}

static bool ask(struct remote *r, enum key_op op, const unsigned char *in, size_t n,
    unsigned char *out, size_t *out_n)
{
	return r && r->sign(r->ctx, r->fingerprint, op, str_at(in, n), out, out_n);
}

static int rsa_private(int n, const unsigned char *from, unsigned char *to, RSA *rsa, int padding)
{
	size_t got = (size_t)RSA_size(rsa);
	enum key_op op;

	if (n < 0 || (padding != RSA_PKCS1_PADDING && padding != RSA_NO_PADDING))
		return -1;
	op = padding == RSA_PKCS1_PADDING ? KEY_RSA_PKCS1 : KEY_RSA_RAW;
	if (!ask(RSA_get_ex_data(rsa, rsa_slot), op, from, (size_t)n, to, &got) ||
	    got != (size_t)RSA_size(rsa))
		return -1;
	return (int)got;
}

/* TLS with key transport by RSA is not offered: nothing is ever decrypted. */
static int rsa_no_decrypt(
    int n, const unsigned char *from, unsigned char *to, RSA *rsa, int padding)
{
	return -1;
}

static int ec_sign(int type, const unsigned char *digest, int n, unsigned char *sig,
    unsigned int *sig_n, const BIGNUM *kinv, const BIGNUM *r, EC_KEY *key)
{
	size_t got = (size_t)ECDSA_size(key);

	if (n < 0 ||
	    !ask(EC_KEY_get_ex_data(key, ec_slot), KEY_ECDSA, digest, (size_t)n, sig, &got))
		return 0;
	*sig_n = (unsigned int)got;
	return 1;
}

static ECDSA_SIG *ec_sign_sig(
    const unsigned char *digest, int n, const BIGNUM *kinv, const BIGNUM *r, EC_KEY *key)
{
	unsigned char der[SIGNATURE_MAX];
	const unsigned char *p = der;
	unsigned int len;

	if ((size_t)ECDSA_size(key) > sizeof der || !ec_sign(0, digest, n, der, &len, kinv, r, key))
		return NULL;
	return d2i_ECDSA_SIG(NULL, &p, (long)len);
}

static bool methods(void)
{
	if (rsa_method && ec_method)
		return true;
	rsa_slot = RSA_get_ex_new_index(0, NULL, NULL, NULL, remote_free);
	ec_slot = EC_KEY_get_ex_new_index(0, NULL, NULL, NULL, remote_free);
	rsa_method = RSA_meth_dup(RSA_get_default_method());
	ec_method = EC_KEY_METHOD_new(EC_KEY_get_default_method());
	if (rsa_slot < 0 || ec_slot < 0 || !rsa_method || !ec_method)
		return false;
	RSA_meth_set1_name(rsa_method, "key process");
	RSA_meth_set_priv_enc(rsa_method, rsa_private);
	RSA_meth_set_priv_dec(rsa_method, rsa_no_decrypt);
	EC_KEY_METHOD_set_sign(ec_method, ec_sign, NULL, ec_sign_sig);
	return true;
}

static struct remote *remote_new(const unsigned char *fingerprint, tls_signer sign, void *ctx)
{
	struct remote *r = mem_new(struct remote);

	memcpy(r->fingerprint, fingerprint, sizeof r->fingerprint);
	r->sign = sign;
	r->ctx = ctx;
	return r;
}

static EVP_PKEY *remote_rsa(EVP_PKEY *pub, struct remote *r)
{
	EVP_PKEY *key = EVP_PKEY_new();
	RSA *rsa = RSA_new();
	BIGNUM *n = NULL, *e = NULL;

	if (!key || !rsa || !EVP_PKEY_get_bn_param(pub, OSSL_PKEY_PARAM_RSA_N, &n) ||
	    !EVP_PKEY_get_bn_param(pub, OSSL_PKEY_PARAM_RSA_E, &e))
		goto fail;
	if (!RSA_set0_key(rsa, n, e, NULL))
		goto fail;
	n = e = NULL;
	if (!RSA_set_method(rsa, rsa_method) || !RSA_set_ex_data(rsa, rsa_slot, r))
		goto fail;
	r = NULL;
	if (!EVP_PKEY_set1_RSA(key, rsa))
		goto fail;
	RSA_free(rsa);
	return key;
fail:
	BN_free(n);
	BN_free(e);
	RSA_free(rsa);
	EVP_PKEY_free(key);
	free(r);
	return NULL;
}

static EC_KEY *public_ec(EVP_PKEY *pub)
{
	unsigned char point[256];
	char group[64];
	size_t n;
	EC_KEY *ec;

	if (!EVP_PKEY_get_utf8_string_param(
		pub, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, NULL) ||
	    !EVP_PKEY_get_octet_string_param(pub, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &n))
		return NULL;
	ec = EC_KEY_new_by_curve_name(OBJ_txt2nid(group));
	if (ec && !EC_KEY_oct2key(ec, point, n, NULL)) {
		EC_KEY_free(ec);
		return NULL;
	}
	return ec;
}

static EVP_PKEY *remote_ec(EVP_PKEY *pub, struct remote *r)
{
	EVP_PKEY *key = EVP_PKEY_new();
	EC_KEY *ec = public_ec(pub);

	if (!key || !ec || !EC_KEY_set_method(ec, ec_method) || !EC_KEY_set_ex_data(ec, ec_slot, r))
		goto fail;
	r = NULL;
	if (!EVP_PKEY_set1_EC_KEY(key, ec))
		goto fail;
	EC_KEY_free(ec);
	return key;
fail:
	EC_KEY_free(ec);
	EVP_PKEY_free(key);
	free(r);
	return NULL;
}

EVP_PKEY *tls_remote_key(
    X509 *cert, const unsigned char fingerprint[KEY_FINGERPRINT], tls_signer sign, void *ctx)
{
	EVP_PKEY *pub = X509_get0_pubkey(cert);

	if (!pub || !methods())
		return NULL;
	if (EVP_PKEY_is_a(pub, "RSA"))
		return remote_rsa(pub, remote_new(fingerprint, sign, ctx));
	if (EVP_PKEY_is_a(pub, "EC"))
		return remote_ec(pub, remote_new(fingerprint, sign, ctx));
	return NULL;
}
