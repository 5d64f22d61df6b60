/*
 * The key process: holds the private keys of the suite's services, signs with them, and nothing
 * else.
 *
 * A component is a service with TLS settings ("esmtpd", "imapd", ...).  Its pairs are its
 * certificate file and that file's siblings FILE.NAME (for a host name that clients ask for) and
 * FILE.ADDRESS (for a local address).  A pair is a certificate chain and the key that fits it; one
 * that does not fit, can't be read or is open to everybody is reported and the one that was served
 * before it stays.
 */
#ifndef COURIERD_KEY_H
#define COURIERD_KEY_H

#include <openssl/evp.h>
#include "tls/tls-private.h"

struct key_pair {
	char *suffix; /* "" for the component's main one */
	unsigned char fingerprint[KEY_FINGERPRINT];
	char *chain; /* PEM, without the key */
	size_t chain_n;
	EVP_PKEY *key;
	char stamp[128]; /* of the files it was read from: changes when they do */
	bool seen;       /* still there at the last look */
};

struct key_component {
	const struct config_component *settings;
	const char *role;         /* whose processes may use it */
	const char *default_file; /* in the configuration folder, when TLS_CERTFILE is not
				   * set; NULL: then there is none */
	VEC(struct key_pair) pairs;
};

enum { KEY_COMPONENTS = 6 };
struct key_store {
	struct key_component components[KEY_COMPONENTS];
};

extern const struct config_component *const key_settings[KEY_COMPONENTS];

void key_store_init(struct key_store *s);
void key_store_free(struct key_store *s);
/* Looks at all files again.  Bit i of the result: the pairs of component i have changed. */
unsigned key_store_refresh(struct key_store *s, const struct config *c, const struct instance *in);
/* NULL: not known, or not for this role. */
struct key_component *key_store_component(struct key_store *s, struct str name, const char *role);
const struct key_pair *key_component_pair(const struct key_component *c, struct str fingerprint);

/* Reads and checks a pair.  key_path may be cert_path.  0, or -1 and *why (to be freed); the
 * stamp is set in both cases. */
int key_pair_load(struct key_pair *p, const char *cert_path, const char *key_path, char **why);
void key_pair_release(struct key_pair *p);

/* The one private operation.  False: *why tells (static text). */
bool key_pair_sign(
    const struct key_pair *p, enum key_op op, struct str in, struct buf *out, const char **why);

#endif
