/* What the mechanisms share; for libs/sasl alone. */
#ifndef COURIER_SASL_PRIVATE_H
#define COURIER_SASL_PRIVATE_H

#include "sasl/sasl.h"

enum { SASL_DIGEST_MAX = 32 };

/* A hash and what it is called in mechanisms, records and OpenSSL. */
struct sasl_hash {
	const char *name; /* also OpenSSL's */
	size_t size;
};
const struct sasl_hash *sasl_hash_find(const char *name);
bool sasl_hash_of(const struct sasl_hash *h, struct str in, unsigned char out[SASL_DIGEST_MAX]);
bool sasl_hmac(
    const struct sasl_hash *h, struct str key, struct str text, unsigned char out[SASL_DIGEST_MAX]);
bool sasl_same(const void *a, const void *b, size_t n); /* in constant time */

/* SCRAM arithmetic (RFC 5802, section 3). */
struct scram_keys {
	unsigned iterations;
	unsigned char salt[64];
	size_t salt_n;
	unsigned char stored[SASL_DIGEST_MAX], server[SASL_DIGEST_MAX];
};
bool scram_parse(const struct sasl_hash *h, struct str record, struct scram_keys *k);
bool scram_salted(const struct sasl_hash *h, struct str prepared, struct str salt,
    unsigned iterations, unsigned char out[SASL_DIGEST_MAX]);
/* salt and iterations are set in *k already */
bool scram_derive(const struct sasl_hash *h, struct str password, struct scram_keys *k);
/* The value of attribute `name` at the front of *rest ("r=..."), cut off with its comma. */
bool scram_attribute(struct str *rest, char name, struct str *value);

struct sasl_server;
struct sasl_mechanism {
	const char *name;
	const struct sasl_hash *hash;
	enum sasl_status (*step)(struct sasl_server *x, struct str in, struct buf *out);
	enum sasl_status (*secrets)(
	    struct sasl_server *x, const struct sasl_secrets *s, struct buf *out);
	bool clear;    /* shows the password */
	bool plus;     /* bound to the TLS channel */
	bool external; /* proved otherwise */
};

struct sasl_server {
	const struct sasl_mechanism *mech;
	unsigned step;
	enum sasl_status due; /* SASL_MORE, or what the owner must answer first */
	struct str binding, external;
	char host[256];
	unsigned char fake_key[SASL_FAKE_KEY_SIZE];
	struct buf user, password;
	struct buf nonce;    /* ours: SCRAM nonce, CRAM challenge */
	struct buf gs2;      /* SCRAM: the header the client must repeat */
	struct buf messages; /* SCRAM: AuthMessage as it grows */
	struct buf full_nonce;
	struct buf proof; /* CRAM: the digest the client sent */
	struct scram_keys keys;
	bool fake; /* no such user, or nothing to check with: fails at the end */
};

enum sasl_status sasl_plain_step(struct sasl_server *x, struct str in, struct buf *out);
enum sasl_status sasl_login_step(struct sasl_server *x, struct str in, struct buf *out);
enum sasl_status sasl_cram_step(struct sasl_server *x, struct str in, struct buf *out);
enum sasl_status sasl_cram_secrets(
    struct sasl_server *x, const struct sasl_secrets *s, struct buf *out);
enum sasl_status sasl_external_step(struct sasl_server *x, struct str in, struct buf *out);
enum sasl_status sasl_external_secrets(
    struct sasl_server *x, const struct sasl_secrets *s, struct buf *out);
enum sasl_status sasl_scram_step(struct sasl_server *x, struct str in, struct buf *out);
enum sasl_status sasl_scram_secrets(
    struct sasl_server *x, const struct sasl_secrets *s, struct buf *out);

/* What an exchange has said and must not leave in memory. */
static inline void sasl_buffer_start(struct buf *b)
{
	buf_init(b, 4 * SASL_STEP_MAX);
}

static inline void sasl_buffer_wipe(struct buf *b)
{
	if (b->cap)
		mem_wipe(b->p, b->n);
	buf_free(b);
}

#endif
