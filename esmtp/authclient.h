/*
 * etc/esmtpauthclient: with whom to authenticate.  "RELAY[,PORT] USER PASSWORD" a line, parted by
 * blanks; RELAY as it is written in esmtproutes, or the domain the mail goes to.
 */
#ifndef COURIER_ESMTP_AUTHCLIENT_H
#define COURIER_ESMTP_AUTHCLIENT_H

#include "base/base.h"

struct authclient;
struct credentials {
	struct str user, password; /* user.p is NULL: none */
};

struct authclient *authclient_new(void);
void authclient_free(struct authclient *a); /* wipes the passwords; NULL is fine */
/* NULL, or what is wrong with the line (never its text: it holds a password). */
const char *authclient_add(struct authclient *a, struct str line);
/* Which of the module's files with passwords (also virtual hosts') have a wrong owner or mode. */
void authclient_look(
    const char *etc, void (*bad)(void *ctx, const char *path, const char *why), void *ctx);
const char *authclient_line_wrong(struct str line); /* the same for a line alone */
/* relay: as in esmtproutes, may be empty; port: 0 fits any line for the relay. */
struct credentials authclient_find(
    const struct authclient *a, struct str relay, uint16_t port, struct str domain);

#endif
