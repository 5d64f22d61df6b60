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
/* The files of this module that hold passwords. */
extern const char *const authclient_files[2];
/* What is wrong with owner and mode of a file that holds passwords; NULL: nothing, or there
 * is no such file.  It is to belong to root, to the mail system's user or to who asks. */
const char *authclient_file_wrong(const char *path);
const char *authclient_line_wrong(struct str line); /* the same for a line alone */
/* relay: as in esmtproutes, may be empty; port: 0 fits any line for the relay. */
struct credentials authclient_find(
    const struct authclient *a, struct str relay, uint16_t port, struct str domain);

#endif
