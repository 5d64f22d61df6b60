/*
 * Session tickets (RFC 5077, RFC 8446 section 4.6.1): all processes of all services have the same
 * keys, which come from the key process.  Tickets are made with the first and read with both.
 */
#include "config.h"
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include "tls/tls-private.h"

static int slot = -1;

static bool set_mac(EVP_MAC_CTX *mac, unsigned char *key)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key + TICKET_NAME, TICKET_HMAC),
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
	    OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static bool seal(
    unsigned char *key, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *c, EVP_MAC_CTX *mac)
{
	memcpy(name, key, TICKET_NAME);
	return RAND_bytes(iv, EVP_MAX_IV_LENGTH) == 1 &&
	       EVP_EncryptInit_ex(
		   c, EVP_aes_256_cbc(), NULL, key + TICKET_NAME + TICKET_HMAC, iv) == 1 &&
	       set_mac(mac, key);
}

/* 1: that is its key; 2: it was, make a new ticket; 0: not ours any more; -1: failed.  In TLS 1.3 a
 * client uses a ticket once (RFC 8446, appendix C.4) and gets the next with it. */
static int unseal(const SSL *ssl, unsigned char *keys, const unsigned char *name,
    const unsigned char *iv, EVP_CIPHER_CTX *c, EVP_MAC_CTX *mac)
{
	for (int i = 0; i < KEY_TICKETS / TICKET_KEY; i++) {
		unsigned char *key = keys + i * TICKET_KEY;

		if (memcmp(name, key, TICKET_NAME) != 0)
			continue;
		if (EVP_DecryptInit_ex(
			c, EVP_aes_256_cbc(), NULL, key + TICKET_NAME + TICKET_HMAC, iv) != 1 ||
		    !set_mac(mac, key))
			return -1;
		return i == 0 && SSL_version(ssl) != TLS1_3_VERSION ? 1 : 2;
	}
	return 0;
}

static int ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *c,
    EVP_MAC_CTX *mac, int making)
{
	unsigned char *keys = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), slot);

	if (!keys)
		return -1;
	if (!making)
		return unseal(ssl, keys, name, iv, c, mac);
	return seal(keys, name, iv, c, mac) ? 1 : -1;
}

void tls_use_tickets(SSL_CTX *ctx, unsigned char *keys)
{
	if (slot < 0)
		slot = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	if (slot >= 0 && SSL_CTX_set_ex_data(ctx, slot, keys) == 1)
		SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, ticket_key);
	else
		ERR_clear_error();
}
