/* What the files of libs/tls share, and the words between them and the key process. */
#ifndef COURIER_TLS_PRIVATE_H
#define COURIER_TLS_PRIVATE_H

#include <openssl/ssl.h>
#include "tls/tls.h"

/* ---- the edge to the key process ------------------------------------------------------------ */

enum key_message {
	KEY_HELLO,   /* client: component (str) */
	KEY_BEGIN,   /* server: a new set of pairs follows; ticket keys (str) */
	KEY_PAIR,    /* server: suffix (str), fingerprint (str), chain in PEM (rest); one suffix
		      * may have two, with keys of different kinds */
	KEY_END,     /* server: the set is complete */
	KEY_SIGN,    /* client: fingerprint (str), enum key_op (u8), bytes (rest) */
	KEY_SIGNED,  /* server: signature (rest) */
	KEY_REFUSED, /* server: reason (rest) */
};
enum key_op {
	KEY_RSA_PKCS1, /* bytes: the DigestInfo */
	KEY_RSA_RAW,   /* bytes: a block padded for PSS, as long as the modulus */
	KEY_ECDSA,     /* bytes: the digest */
};
enum {
	KEY_FINGERPRINT = 32, /* SHA-256 of the certificate */
	TICKET_NAME = 16,
	TICKET_HMAC = 32,
	TICKET_AES = 32,
	TICKET_KEY = TICKET_NAME + TICKET_HMAC + TICKET_AES,
	KEY_TICKETS = 2 * TICKET_KEY, /* what tickets are made with now, and were before */
	KEY_RPC_TIMEOUT = 5000,       /* ms that a handshake waits for a signature */
};

/* ---- contexts ------------------------------------------------------------------------------- */

enum { ALPN_MAX = 256, SESSION_S = 2 * 60 * 60 };

/* What the settings say, read once. */
struct tls_options {
	int min_version, max_version; /* max 0: none */
	int min_dh;                   /* bits; 0: OpenSSL's own */
	char *ciphers;                /* NULL: OpenSSL's */
	X509_STORE *trust;            /* NULL: none */
	/* of a server */
	int verify;      /* SSL_VERIFY_* */
	bool resume;     /* by tickets */
	EVP_PKEY *dh;    /* NULL: one that fits the certificate */
	int64_t timeout; /* ms for a handshake */
	struct buf alpn; /* as on the wire; empty: not looked at */
	char scope[32];  /* tickets count within it */
};
/* 0, or -1 logged.  server: the rows of TLS_SERVER_ROWS count. */
int tls_options_read(
    struct tls_options *o, const struct config *c, const char *component, bool server);
void tls_options_release(struct tls_options *o);
int tls_lowest_version(struct str value); /* 0: no such word */
/* Words separated by blanks into ALPN's form.  False: an empty, long or too many of them. */
bool tls_alpn_wire(struct str words, struct buf *out);
/* For SSL_CTX_set_alpn_select_cb with a struct tls_options, which must outlive the context. */
int tls_alpn_choose(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *in,
    unsigned int in_n, void *options);
/* keys: KEY_TICKETS bytes that outlive the context. */
void tls_use_tickets(SSL_CTX *ctx, unsigned char *keys);

/* ---- names of pairs (pure) ------------------------------------------------------------------ */

/* How well a suffix fits the host a client asks for: 0 not at all; FILE.example.com is for
 * mail.example.com too, but FILE.mail.example.com is closer. */
size_t tls_suffix_fits(struct str suffix, struct str host);
/* Whether it is that address, however it is written. */
bool tls_suffix_is_address(struct str suffix, struct str address);

/* NULL: no memory */
X509_STORE *tls_trust_read(const struct config *c, const char *component, const char *setting);
/* Keeps the pairs of a client, as tls_server_new does for a server. */
struct tls_server *tls_keeper_new(struct service *s, const char *component);
SSL_CTX *tls_keeper_context(const struct tls_server *t); /* of the main pair; NULL: not there */
/* Of the pair FILE.NAME for that host; NULL: there is none. */
SSL_CTX *tls_keeper_context_for(const struct tls_server *t, const char *name);
/* NULL: logged.  The options of a server must outlive it. */
SSL_CTX *tls_context(struct tls_options *o, bool server);
void tls_log_errors(const char *what); /* logs and empties OpenSSL's error queue */
const char *tls_error_text(void);      /* first error's text; empties the queue */

/* ---- sessions of a client, to be resumed (resume.c) ------------------------------------------ */

struct tls_sessions;
struct tls_sessions *tls_sessions_new(void); /* NULL: no memory */
void tls_sessions_free(struct tls_sessions *s);
/* ssl, made of ctx and with its name set, resumes what it can (true), and what it gets is kept. */
bool tls_sessions_use(struct tls_sessions *s, SSL_CTX *ctx, SSL *ssl, enum tls_verify v);

void tls_sessions_forget(struct tls_sessions *s, const char *name, enum tls_verify v);

/* ---- keys elsewhere ------------------------------------------------------------------------- */

/* Signs; false when it can't be had.  Out has room for *n bytes. */
typedef bool (*tls_signer)(void *ctx, const unsigned char *fingerprint, enum key_op op,
    struct str in, unsigned char *out, size_t *n);
/* A key object for the certificate whose private operations call the signer.  NULL: no memory, or
 * neither RSA nor ECDSA. */
EVP_PKEY *tls_remote_key(
    X509 *cert, const unsigned char fingerprint[KEY_FINGERPRINT], tls_signer sign, void *ctx);

/* ---- handshakes that wait for a signature (wait.c) ------------------------------------------- */

enum tls_wait_state { TLS_WAIT_NOT, TLS_WAIT_ASKED, TLS_WAIT_SIGNED, TLS_WAIT_FAILED };
/* A stream's handshake; zeroed at first but for the stream. */
struct tls_wait {
	struct stream *stream;
	struct tls_waits *home; /* NULL: in no list */
	struct tls_wait *next;
	enum tls_wait_state state;
	uint32_t id;
	int64_t since; /* on the monotonic clock, ms */
	char *signature;
	size_t signature_n;
};
/* All that wait for one signer, in the order of asking. */
struct tls_waits {
	struct loop *loop;
	struct tls_wait *first;
	bool due;
};
/* Where OpenSSL can, the handshake may stand still; otherwise the signer has to block. */
void tls_wait_allow(SSL *ssl);
/* SSL_do_handshake.  -1 and SSL_want_async: it stands still. */
int tls_wait_shake(struct tls_wait *w, SSL *ssl);
/* Before its SSL is freed. */
void tls_wait_give_up(struct tls_wait *w, SSL *ssl);
/* For a signer: whether the handshake that calls it may stand still; and it does, until its answer
 * comes.  Out has room for *n bytes. */
bool tls_wait_possible(void);
bool tls_wait(struct tls_waits *home, uint32_t id, unsigned char *out, size_t *n);
/* An empty signature: refused.  Handshakes go on later, from the loop. */
void tls_waits_answer(struct tls_waits *home, uint32_t id, struct str signature);
void tls_waits_fail(struct tls_waits *home);
int64_t tls_waits_since(const struct tls_waits *home); /* of the oldest; -1: nobody waits */
void tls_waits_free(struct tls_waits *home);

/* ---- a stream's TLS ------------------------------------------------------------------------- */

/* Takes ssl over (also on failure). */
int tls_start(struct stream *st, SSL *ssl, bool server);
const SSL *tls_ssl(const struct stream *st); /* NULL on a plain stream */
/* As tls_peer_subject, of any certificate. */
bool tls_certificate_field(const X509 *cert, const char *field, struct buf *out);

#endif
