/*
 * libs/tls: TLS for streams (OpenSSL 3).
 *
 * Network roles hold certificates but no private keys: the signing step of a handshake is asked
 * from the key process over an edge (blocking, some 100 microseconds; the key process does nothing
 * else). Command-line programs and tests may load keys from files.  Everything is initialised
 * before the chroot: make servers and clients in setup().  Protocol versions and ciphers come from
 * settings (TLS_PROTOCOL, TLS_CIPHER_LIST, ...); TLS 1.2 is the lowest unless set.
 */
#ifndef COURIER_TLS_H
#define COURIER_TLS_H

#include "service/service.h"

struct tls_server; /* certificates by name (SNI), session tickets */
struct tls_client;

/*
 * Server side of a service role.  Keeps an edge to the key process, fetches the certificate chains
 * it publishes (again when they change) and signs through it.  component: whose TLS_* settings
 * apply
 * ("esmtpd", "imapd", ...), with the rows TLS_SERVER_ROWS in its table.  NULL with a logged reason
 * for lack of memory or settings that mean nothing: without certificates tls_server_usable is false
 * and STARTTLS is not offered.  The key process must know the component (courierd/key-store.c).
 */
struct tls_server *tls_server_new(struct service *s, const char *component);
/* For tools and tests: key and chain from one PEM file.  NULL: *why tells (to be freed). */
struct tls_server *tls_server_new_file(const char *pem, char **why);
bool tls_server_usable(const struct tls_server *t);
int64_t tls_server_timeout(const struct tls_server *t); /* TLS_TIMEOUT, in ms */
/* Only when no stream uses it any more; NULL is fine. */
void tls_server_free(struct tls_server *t);
/* local: the address that the client has called, as text, when a balancer has told it; STR_NONE:
 * the socket's.  Clear input that is buffered is dropped: the handler must already have answered
 * "go ahead". -1: no certificate, or no memory; the stream is as it was. */
int tls_accept(struct stream *st, struct tls_server *t, struct str local);

/* Client side.  TLS_TRUSTCERTS: verify against this file or folder (empty: nothing can be
 * verified). The component's table holds the rows TLS_CLIENT_ROWS.  NULL: logged. */
struct tls_client *tls_client_new(const struct config *c, const char *component);
/* The same where nothing is TLS_VERIFY_PRIVATE: TLS_COMMON_ROWS, or a server's rows, will do. */
struct tls_client *tls_client_new_plain(const struct config *c, const char *component);
/* The same for a service that shows the certificate of its component's TLS_CERTFILE to servers that
 * ask for one (the key stays in the key process). */
struct tls_client *tls_client_new_keyed(struct service *s, const char *component);
void tls_client_resume(struct tls_client *t);       /* sessions are kept and resumed from now on */
bool tls_client_usable(const struct tls_client *t); /* the certificate is there, if one is set */
void tls_client_free(struct tls_client *t);
/* The authorities that a setting like TLS_TRUSTCERTS names, for who speaks TLS by other means
 * (OpenSSL's X509_STORE); empty when there are none.  NULL: no memory. */
struct x509_store_st *tls_trust_store(
    const struct config *c, const char *component, const char *setting);
void tls_trust_store_free(struct x509_store_st *s);
enum tls_verify {
	TLS_OPPORTUNISTIC,  /* any certificate will do; tls_peer_verified tells what it was worth */
	TLS_VERIFY_CHAIN,   /* signed by somebody we trust */
	TLS_VERIFY_NAME,    /* and made for `name` */
	TLS_VERIFY_PRIVATE, /* the same, signed by somebody of TLS_TRUSTSECURITYCERTS alone */
};
/* name: the host's, for SNI and TLS_VERIFY_NAME; NULL or "": none. */
/* -1: no memory, no name where one is needed, or the certificate we are to show is not there.  0,
 * or TLS_RESUMING: should that fail, a server that is bad at resuming may be to blame, and a new
 * try does without. */
enum { TLS_RESUMING = 1 };
void tls_client_forget(struct tls_client *t, const char *name, enum tls_verify v); /* before it */
int tls_connect(struct stream *st, struct tls_client *t, const char *name, enum tls_verify v);

/* After on_secure; on a plain stream: empty, 0, false. */
const char *tls_version(const struct stream *st); /* "TLSv1.3" */
const char *tls_cipher(const struct stream *st);
int tls_cipher_bits(const struct stream *st);
/* RFC 9266 tls-exporter bytes (TLS 1.3) into out; false when there are none. */
bool tls_channel_binding(const struct stream *st, struct buf *out);
bool tls_resumed(const struct stream *st); /* by a ticket */
bool tls_peer_verified(const struct stream *st);
/*
 * The value of a field of the peer's certificate, added to out (at most 255 bytes, UTF-8), when the
 * certificate was verified.  field: a name of the subject as in TLS_EXTERNAL, in any case: CN, O,
 * UID, emailaddress, ... or an object's numbers; "email" and "dns" are those of subjectAltName,
 * where "emailaddress" looks too when the subject has none.  False, and out as it was: not
 * verified, not there, several values that differ, control characters in it.
 */
bool tls_peer_subject(const struct stream *st, const char *field, struct buf *out);
/* "TLSv1.3 TLS_AES_256_GCM_SHA384 256 bits" */
void tls_describe(const struct stream *st, struct buf *out);

/* Rows for the table of a component with TLS.  Paths are relative to the configuration folder. */
#define TLS_COMMON_ROWS                                                                         \
	{.name = "TLS_PROTOCOL",                                                                \
	    .type = CONFIG_STRING,                                                              \
	    .def = "TLSv1.2+",                                                                  \
	    .valid = tls_protocol_ok,                                                           \
	    .help = "lowest TLS version: TLSv1, TLSv1.1, TLSv1.2, TLSv1.3; + or ++ behind it"}, \
	    {.name = "TLS_CIPHER_LIST",                                                         \
		.type = CONFIG_STRING,                                                          \
		.valid = tls_ciphers_ok,                                                        \
		.help = "OpenSSL cipher list for TLS 1.2 and below; empty: OpenSSL's own"},     \
	    {.name = "TLS_PRIORITY",                                                            \
		.type = CONFIG_STRING,                                                          \
		.help = "for GnuTLS, not used: TLS_PROTOCOL and TLS_CIPHER_LIST instead",       \
		.idle = "it is for GnuTLS; set TLS_PROTOCOL and TLS_CIPHER_LIST"},              \
	    {.name = "TLS_MIN_DH_BITS",                                                         \
		.type = CONFIG_INT,                                                             \
		.def = "2048",                                                                  \
		.min = 512,                                                                     \
		.max = 8192,                                                                    \
		.help = "smallest Diffie-Hellman group for TLS 1.2, in bits"},                  \
	{                                                                                       \
		.name = "TLS_TRUSTCERTS", .type = CONFIG_STRING,                                \
		.help = "file or folder of certificate authorities to trust"                    \
	}
#define TLS_KEY_ROWS                                                                         \
	{.name = "TLS_CERTFILE",                                                             \
	    .type = CONFIG_STRING,                                                           \
	    .help = "PEM file: certificate, chain and key; FILE.NAME and FILE.ADDRESS too"}, \
	{                                                                                    \
		.name = "TLS_PRIVATE_KEYFILE", .type = CONFIG_STRING,                        \
		.help = "PEM file with the key, when it is not in TLS_CERTFILE"              \
	}
/* alpn: what clients may call the protocol (RFC 7301), separated by blanks. */
#define TLS_SERVER_ROWS(alpn)                                                                   \
	TLS_COMMON_ROWS, TLS_KEY_ROWS,                                                          \
	    {.name = "TLS_VERIFYPEER",                                                          \
		.type = CONFIG_STRING,                                                          \
		.def = "NONE",                                                                  \
		.valid = tls_verifypeer_ok,                                                     \
		.help = "client certificates: NONE, PEER (ask), REQUIREPEER"},                  \
	    {.name = "TLS_DHPARAMS",                                                            \
		.type = CONFIG_STRING,                                                          \
		.help = "PEM file with a Diffie-Hellman group; empty: RFC 7919's"},             \
	    {.name = "TLS_TIMEOUT",                                                             \
		.type = CONFIG_TIME,                                                            \
		.def = "60",                                                                    \
		.min = 1,                                                                       \
		.max = 3600,                                                                    \
		.help = "longest TLS handshake"},                                               \
	    {.name = "TLS_CACHEFILE",                                                           \
		.type = CONFIG_STRING,                                                          \
		.help = "not used: sessions are resumed by tickets, which need none",           \
		.idle = "sessions are resumed by tickets, which need no file"},                 \
	    {.name = "TLS_CACHESIZE",                                                           \
		.type = CONFIG_SIZE,                                                            \
		.def = "524288",                                                                \
		.min = 0,                                                                       \
		.help = "0: sessions are not resumed; the size itself is not needed"},          \
	{                                                                                       \
		.name = "TLS_ALPN", .type = CONFIG_STRING, .def = (alpn), .valid = tls_alpn_ok, \
		.help = "names for this protocol (ALPN); empty: any name will do"               \
	}
#define TLS_CLIENT_ROWS                                                                    \
	TLS_COMMON_ROWS,                                                                   \
	{                                                                                  \
		.name = "TLS_TRUSTSECURITYCERTS", .type = CONFIG_STRING,                   \
		.help = "file or folder of the authorities for mail that demands SECURITY" \
	}
/* Besides, for tls_client_new_keyed. */
#define TLS_CLIENT_KEY_ROWS                                                            \
	TLS_KEY_ROWS,                                                                  \
	{                                                                              \
		.name = "TLS_VERIFYPEER", .type = CONFIG_STRING, .def = "NONE",        \
		.valid = tls_verifypeer_ok,                                            \
		.help = "certificates of servers: NONE, PEER or REQUIREPEER (checked)" \
	}
bool tls_protocol_ok(struct str value);
bool tls_ciphers_ok(struct str value);
bool tls_verifypeer_ok(struct str value);
bool tls_alpn_ok(struct str value);

extern const struct config_setting tls_settings[]; /* TLS_SERVER_ROWS("") */
extern const size_t tls_settings_n;

/*
 * A self-signed certificate and its key (P-256, ten years), in one PEM file of mode 0600; never
 * over an existing file.  names: host names and addresses it is for, the first one its subject. 0,
 * or -1 and *why (to be freed).
 */
int tls_make_self_signed(const char *path, const char *const *names, size_t n, char **why);

#endif
