/*
 * libs/directory: what all who ask an LDAP directory have in common.  Calls block, for little more
 * than the timeout each.  Only built with LDAP.
 */
#ifndef COURIER_DIRECTORY_H
#define COURIER_DIRECTORY_H

#include "base/base.h"

#include <ldap.h>

struct directory_server {
	const char *uri;             /* several with blanks between are tried in turn */
	const char *user, *password; /* empty: nobody */
	unsigned timeout;            /* seconds */
	int version, deref;          /* 0: 3; LDAP_DEREF_* */
	bool starttls;
};

/* LDAP_SUCCESS with *out, or the code with *what it was about and *out NULL. */
int directory_connect(const struct directory_server *s, LDAP **out, const char **what);
int directory_bind(LDAP *ld, const char *dn, struct str password);
void directory_hang_up(LDAP **ld); /* *ld NULL is fine */
/* The code means that the connection or the server has gone, not that the question was wrong. */
bool directory_gone(int code);

/* Of filter values: RFC 4515 escapes, for all but letters, digits and what addresses are made of.
 */
void directory_escape(struct buf *out, struct str value);

#endif
