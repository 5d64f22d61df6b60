/*
 * The client's side of SOCKS 5 (RFC 1928), with user name and password (RFC 1929).  Pure: bytes of
 * the proxy in, bytes for it out.  Names are looked up here: the proxy gets addresses alone.
 */
#ifndef COURIER_SMTP_SOCKS_H
#define COURIER_SMTP_SOCKS_H

#include <sys/socket.h>
#include "base/base.h"

enum { SOCKS_PORT = 1080, SOCKS_WORD_MAX = 255, SOCKS_OUT_MAX = 600 };

/* A proxy as an administrator names it: "ADDRESS[,PORT] [USER PASSWORD]", an IPv6 address bare or
 * in brackets. */
struct socks_proxy {
	struct sockaddr_storage addr;                                /* with the port */
	char user[SOCKS_WORD_MAX + 1], password[SOCKS_WORD_MAX + 1]; /* empty: none */
};
const char *socks_proxy_parse(
    struct str line, struct socks_proxy *out); /* NULL, or what is wrong */
const char *socks_line_wrong(struct str line); /* the same for a table of settings */

enum socks_state { SOCKS_METHOD, SOCKS_LOGIN, SOCKS_REPLY, SOCKS_READY };
struct socks {
	const struct socks_proxy *proxy;
	struct sockaddr_storage to; /* with the port */
	enum socks_state state;
};
/* What is said first goes to out. */
void socks_begin(struct socks *s, const struct socks_proxy *p, const struct sockaddr_storage *to,
    struct buf *out);
/* 1: the connection is there (what stands behind *used is the host's); 0: go on reading; -1: *why
 * (static).  *used bytes of `in` were understood. */
int socks_feed(struct socks *s, struct str in, size_t *used, struct buf *out, const char **why);

#endif
