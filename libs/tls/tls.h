/*
 * libs/tls: TLS for streams (OpenSSL 3).
 *
 * Network roles hold certificates but no private keys: the signing step of a handshake is asked from
 * the key process over an edge (blocking, some 100 microseconds; the key process does nothing else).
 * Command-line programs and tests may load keys from files.  Everything is initialised before the
 * chroot.  Protocol versions and ciphers come from settings (TLS_PROTOCOL, TLS_CIPHER_LIST, ...);
 * TLS 1.2 is the lowest unless set.
 */
#ifndef COURIER_TLS_H
#define COURIER_TLS_H

#include "service/service.h"

struct tls_server; /* certificates by name (SNI), session tickets */
struct tls_client;

/*
 * Server side of a service role.  Keeps an edge to the key process, fetches the certificate chains
 * it publishes (again when they change) and signs through it.  component: whose TLS_* settings apply
 * ("esmtpd", "imapd", ...).  NULL with a logged reason only for lack of memory: without certificates
 * tls_server_usable is false and STARTTLS is not offered.
 */
struct tls_server *tls_server_new(struct service *s, const char *component);
bool tls_server_usable(const struct tls_server *t);
void tls_server_free(struct tls_server *t);
/* Clear input that is buffered is dropped: the handler must already have answered "go ahead". */
int tls_accept(struct stream *st, struct tls_server *t);

/* Client side. ca: verify against this file/folder ("" : no verification possible). */
struct tls_client *tls_client_new(const struct config *c, const char *component);
void tls_client_free(struct tls_client *t);
enum tls_verify { TLS_OPPORTUNISTIC, TLS_VERIFY_CHAIN, TLS_VERIFY_NAME };
int tls_connect(struct stream *st, struct tls_client *t, const char *name, enum tls_verify v);

/* After on_secure. */
const char *tls_version(const struct stream *st); /* "TLSv1.3" */
const char *tls_cipher(const struct stream *st);
int tls_cipher_bits(const struct stream *st);
/* RFC 9266 tls-exporter bytes (TLS 1.3) into out; false when there are none. */
bool tls_channel_binding(const struct stream *st, struct buf *out);
bool tls_peer_verified(const struct stream *st);
/* "TLSv1.3 TLS_AES_256_GCM_SHA384 256 bits" */
void tls_describe(const struct stream *st, struct buf *out);

extern const struct config_setting tls_settings[]; /* rows for every component with TLS */
extern const size_t tls_settings_n;

#endif
