/*
 * libs/sasl: SASL exchanges (RFC 4422) as pure state machines, both sides.
 *
 * No file, socket or account is touched here.  The server side says what it must know next and its
 * owner finds out: so a slow back end or hash holds up nobody else.  All bytes are raw; the base64
 * of SMTP, IMAP and POP3 is the front's.
 *
 * Mechanisms: PLAIN (RFC 4616), LOGIN, CRAM-MD5 (RFC 2195) and its kin CRAM-SHA1 and CRAM-SHA256,
 * SCRAM-SHA-1 (RFC 5802) and SCRAM-SHA-256 (RFC 7677), both also as -PLUS with the tls-exporter
 * binding (RFC 9266), and EXTERNAL (RFC 4422, appendix A; the server's side).
 */
#ifndef COURIER_SASL_H
#define COURIER_SASL_H

#include "base/base.h"

enum sasl_status {
	SASL_MORE,     /* out is to be sent, and the peer's answer given to the next step */
	SASL_PASSWORD, /* server: is sasl_server_password right for sasl_server_user? */
	SASL_SECRETS,  /* server: give the secrets of sasl_server_user */
	SASL_OK,       /* server: out, when not empty, is final data for the client */
	SASL_FAILED,
};

enum {
	SASL_NAME_MAX = 512,      /* bytes of a user name; longer ones fail */
	SASL_PASSWORD_MAX = 1024, /* bytes of a password */
	SASL_STEP_MAX = 8192,     /* bytes of one message of the client */
	SASL_FAKE_KEY_SIZE = 32,
	SASL_SCRAM_ITERATIONS = 10000, /* of records made here */
	SASL_SCRAM_ITERATIONS_MAX = 1000000,
	SASL_SCRAM_SALT_SIZE = 16,
};

/* Server. ------------------------------------------------------------------------------------- */

struct sasl_server_env {
	struct str host;     /* stands in CRAM challenges */
	struct str binding;  /* tls-exporter bytes; empty: -PLUS is not possible */
	struct str external; /* who has proved himself otherwise; empty: EXTERNAL is not possible */
	/* From it the salts of unknown users are made, so that they look like everybody's and stay
	 * the same from try to try. */
	unsigned char fake_key[SASL_FAKE_KEY_SIZE];
};

/* What is known of a user besides a one-way hash. Records are as password.h has them. */
struct sasl_secrets {
	struct str clear;                            /* the password itself; .p NULL: not known */
	struct str hmac_md5, hmac_sha1, hmac_sha256; /* hexadecimal HMAC contexts, or empty */
	struct str scram_sha1, scram_sha256;         /* SCRAM records, or empty */
};

struct sasl_server;
/* NULL: no such mechanism (or -PLUS without a binding).  env is copied. */
struct sasl_server *sasl_server_new(struct str mechanism, const struct sasl_server_env *env);
void sasl_server_free(struct sasl_server *x); /* wipes; NULL is fine */
/*
 * in: what the client sent; at the first step .p NULL when there was no initial response.  out is
 * cleared first.  Calling it when SASL_PASSWORD or SASL_SECRETS is due fails the exchange.
 */
enum sasl_status sasl_server_step(struct sasl_server *x, struct str in, struct buf *out);
/* The answer to SASL_PASSWORD: SASL_OK or SASL_FAILED. */
enum sasl_status sasl_server_verdict(struct sasl_server *x, bool right);
/* The answer to SASL_SECRETS; NULL: no such user.  Any other status may follow. */
enum sasl_status sasl_server_secrets(
    struct sasl_server *x, const struct sasl_secrets *secrets, struct buf *out);
/* Valid from SASL_PASSWORD/SASL_SECRETS on, until sasl_server_free. */
struct str sasl_server_user(const struct sasl_server *x);
struct str sasl_server_password(const struct sasl_server *x);
/* For tests: our nonce (SCRAM) or whole challenge (CRAM) instead of a random one. */
void sasl_server_set_nonce(struct sasl_server *x, struct str nonce);

/* True when the mechanism shows the password to whoever reads the connection. */
bool sasl_is_clear(struct str mechanism);
bool sasl_is_known(struct str mechanism); /* to the server side */

/* Client. ------------------------------------------------------------------------------------- */

struct sasl_client;
/* All strings are copied. authzid: empty for oneself. NULL: no such mechanism, or no binding. */
struct sasl_client *sasl_client_new(struct str mechanism, struct str user, struct str authzid,
    struct str password, struct str binding);
void sasl_client_free(struct sasl_client *c);
/*
 * Before the first step, ask sasl_client_first: when true, sasl_client_step with .p NULL gives the
 * initial response; when false start without one.  Then each challenge of the server.  SASL_MORE:
 * send out (it may be empty).  SASL_FAILED: send "*".
 */
bool sasl_client_first(const struct sasl_client *c);
enum sasl_status sasl_client_step(struct sasl_client *c, struct str challenge, struct buf *out);
/* All that must be said and checked has been.  A server that says "success" before that (without
 * having proved that it knows the password, SCRAM) is not to be believed. */
bool sasl_client_done(const struct sasl_client *c);
void sasl_client_set_nonce(struct sasl_client *c, struct str nonce); /* for tests */
/*
 * The best mechanism of a blank-separated list, or NULL.  Without tls those that show the password
 * are left out unless clear_ok.
 */
const char *sasl_client_choose(struct str offered, bool tls, bool binding, bool clear_ok);

/* Shared. ------------------------------------------------------------------------------------- */

/*
 * SASLprep (RFC 4013) as far as servers need it: spaces become U+0020, characters that are
 * "commonly mapped to nothing" vanish, NFKC; controls, broken UTF-8 and emptiness are refused.
 * Bidirectional and unassigned characters are not looked at.  False: refused, or longer than out
 * may be.
 */
bool sasl_prep(struct str in, struct buf *out);
/* May be a user's name: valid UTF-8 without controls, neither empty nor too long. */
bool sasl_name_ok(struct str name);

/* {SCRAM-SHA-256}: "ITERATIONS,SALT,STOREDKEY,SERVERKEY", the last three in base64.  hash: "sha1"
 * or "sha256".  The password goes through sasl_prep. */
bool sasl_scram_record(
    const char *hash, struct str password, struct str salt, unsigned iterations, struct buf *out);
/* 1 right, 0 wrong, -1 the record is broken. */
int sasl_scram_verify(const char *hash, struct str record, struct str password);

/* HMAC context of a password: both hash states after the key's block, the outer one first, in lower
 * case hexadecimal.  hash: "md5", "sha1", "sha256". */
bool sasl_hmac_context(const char *hash, struct str password, struct buf *out);
/* HMAC of text from such a context, raw; false: the context is broken. */
bool sasl_hmac_finish(const char *hash, struct str context, struct str text, struct buf *out);

#endif
