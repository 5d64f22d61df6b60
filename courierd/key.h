/*
 * The key process: holds the private keys of the suite's services, signs with them, and nothing
 * else.
 *
 * A component is a service with TLS settings ("esmtpd", "imapd", ...).  Its pairs are its
 * certificate file and that file's siblings FILE.NAME (for a host name that clients ask for) and
 * FILE.ADDRESS (for a local address).  ".rsa" or ".ecdsa" behind each of them is a second pair of
 * the same with another kind of key.  A pair is a certificate chain and the key that fits it; one
 * that does not fit, can't be read or is open to everybody is reported and the one that was served
 * before it stays.
 *
 * Files that only root can read (key-open.c) are opened by a helper: a child that keeps root's
 * rights, takes nothing but a path, opens none but those that the settings name, on a way where no
 * folder and no link is anybody's but root's, and does not look into them.
 */
#ifndef COURIERD_KEY_H
#define COURIERD_KEY_H

#include <openssl/evp.h>
#include "tls/tls-private.h"

enum key_age { KEY_AGE_GOOD, KEY_AGE_EARLY, KEY_AGE_SOON, KEY_AGE_OVER };

struct key_pair {
	char *ending; /* of its file's name: "", "mail.example", "ecdsa", "mail.example.ecdsa" */
	char *suffix; /* without the kind: whom it is for; "" for the component's main one */
	unsigned char fingerprint[KEY_FINGERPRINT];
	char *chain; /* PEM, without the key */
	size_t chain_n;
	EVP_PKEY *key;                 /* NULL: it has been faulty ever since */
	int64_t not_before, not_after; /* seconds since the epoch */
	enum key_age age;              /* as told to the log */
	char stamp[128];               /* of the files it was read from: changes when they do */
	char *fault;                   /* as told to the log; NULL: none */
	bool seen;                     /* still there at the last look */
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
size_t key_component_working(const struct key_component *c); /* pairs without fault */
/* Whether an earlier pair has the same suffix and kind of key: then this one is not served. */
bool key_component_doubles(const struct key_component *c, size_t i);
/* Where the settings say that certificate and key are; false: nowhere.  To be freed. */
bool key_component_paths(const struct key_component *c, const struct config *conf,
    const struct instance *in, char **cert, char **key);
const struct key_pair *key_component_pair(const struct key_component *c, struct str fingerprint);

/* Reads and checks a pair.  key_path may be cert_path.  0, or -1 and *why (to be freed); the
 * stamp is set in both cases. */
int key_pair_load(struct key_pair *p, const char *cert_path, const char *key_path, char **why);
/* Whether a look at the files shows that it need not be loaded again. */
bool key_pair_unchanged(const struct key_pair *p, const char *cert_path, const char *key_path);
void key_pair_release(struct key_pair *p);
enum key_age key_pair_age(const struct key_pair *p, int64_t now);

/* key-open.c: a descriptor of a file to read, or -1 with errno.  Links are followed: an
 * administrator's tools keep certificates behind them. */
int key_open(const char *path);
/* With root's rights, before they are given up: the helper that opens what only root can. */
int key_opener_start(void);
bool key_opener_lost(void); /* it has ended: only a new process can have one */
bool key_opener_fits(struct str path, const char *file); /* the file itself, or a sibling */

/* The one private operation.  False: *why tells (static text). */
bool key_pair_sign(
    const struct key_pair *p, enum key_op op, struct str in, struct buf *out, const char **why);

#endif
