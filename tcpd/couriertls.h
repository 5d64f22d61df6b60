/*
 * couriertls: TLS around a descriptor, a program or a connection of its own.
 *
 *	couriertls.c    options, descriptors, the program     tls-context.c  TLS_* of the
 *environment tls-peer.c      what the peer's certificate says       tls-pump.c     bytes to and fro
 *	tls-dial.c      -host, -protocol
 */
#ifndef COURIER_TCPD_COURIERTLS_H
#define COURIER_TCPD_COURIERTLS_H

#include <openssl/ssl.h>
#include "base/base.h"

enum {
	TLS_HANDSHAKE_MS = 60000, /* longest, with STARTTLS in front of it another one */
	TLS_WHY_SIZE = 400,
};

/* ---- tls-context.c -------------------------------------------------------------------------- */

/* Made of the environment; NULL, and *why tells.  verify: a name is to be checked. */
SSL_CTX *tls_context(bool server, bool verify, char why[TLS_WHY_SIZE]);
/* OpenSSL's first error, or errno's text. */
const char *tls_reason(void);

/* ---- tls-dial.c ----------------------------------------------------------------------------- */

int tls_dial(const char *host, const char *port, char why[TLS_WHY_SIZE]); /* -1: why */
/* The clear dialogue that leads to TLS.  protocol: "smtp" or "imap". */
int tls_ask_start(int fd, const char *protocol, char why[TLS_WHY_SIZE]);
bool tls_ask_known(const char *protocol);

/* ---- tls-peer.c ----------------------------------------------------------------------------- */

/* Subject, dates, version and cipher, as text. */
void tls_peer_print(SSL *ssl, struct buf *out);
/* TLS_CONNECTED_PROTOCOL, and TLS_SUBJECT_* of a peer whose certificate has been verified, into our
 * environment; what was there of them goes.  -1 without memory. */
int tls_peer_export(SSL *ssl);
/* The name of a part of the subject and its value, fit for the environment; pure. */
bool tls_subject_variable(struct str field, struct str value, struct buf *name, struct buf *text);

/* ---- tls-pump.c ----------------------------------------------------------------------------- */

/* 0, or -1 and why. */
int tls_handshake(SSL *ssl, int fd, bool server, char why[TLS_WHY_SIZE]);
/*
 * Until both sides are through: what the network ends is told to `out` by a shutdown, the end of
 * `in` to the network by close_notify.  idle_ms: ends after so long without a byte, 0: never.
 * stay: after the end of `in` the network is read on.
 */
void tls_pump(SSL *ssl, int fd, int in, int out, int64_t idle_ms, bool stay);

#endif
