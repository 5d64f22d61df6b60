#include "config.h"

#include "sasl/sasl-private.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

static const struct sasl_hash hashes[] = {{"md5", 16}, {"sha1", 20}, {"sha256", 32}};

const struct sasl_hash *sasl_hash_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
		if (strcmp(hashes[i].name, name) == 0)
			return &hashes[i];
	return NULL;
}

bool sasl_hash_of(const struct sasl_hash *h, struct str in, unsigned char out[SASL_DIGEST_MAX])
{
	return EVP_Digest(in.p ? in.p : "", in.n, out, NULL, EVP_get_digestbyname(h->name), NULL) ==
	       1;
}

bool sasl_hmac(
    const struct sasl_hash *h, struct str key, struct str text, unsigned char out[SASL_DIGEST_MAX])
{
	return HMAC(EVP_get_digestbyname(h->name), key.p ? key.p : "", (int)key.n,
		   (const unsigned char *)(text.p ? text.p : ""), text.n, out, NULL) != NULL;
}

bool sasl_same(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}
