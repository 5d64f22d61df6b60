/*
 * The file ldapaliasrc: "NAME blanks value" lines, '#' begins a comment line.  Pure but for
 * ldapaliasrc_load.
 */
#ifndef COURIER_LDAPALIASRC_H
#define COURIER_LDAPALIASRC_H

#include "base/base.h"

enum { LDAPALIASRC_MAX = 64 * 1024 };

struct ldapaliasrc {
	bool on;                     /* LDAP_ALIAS */
	bool starttls;               /* LDAP_TLS */
	unsigned timeout;            /* LDAP_TIMEOUT, seconds */
	unsigned connections;        /* LDAP_NUMPROCS */
	const char *uri, *base;      /* LDAP_URI, LDAP_BASEDN */
	const char *user, *password; /* LDAP_BINDDN, LDAP_BINDPW; empty: nobody */
	const char *mail, *maildrop; /* attributes: LDAP_MAIL, LDAP_MAILDROP */
	const char *source;          /* LDAP_SOURCE; empty: none */
	const char *vdomain, *vuser; /* LDAP_VDOMAIN, LDAP_VUSER; both empty: none */
};

/* Strings live in the arena.  0; -1: *why (in the arena) and the line, 0: the file as a whole. */
int ldapaliasrc_parse(
    struct str text, struct arena *a, struct ldapaliasrc *out, unsigned *line, const char **why);

/* etc/ldapaliasrc.  A file that is missing is one with LDAP_ALIAS 0.  -1: *why as above. */
int ldapaliasrc_load(const char *etc, struct arena *a, struct ldapaliasrc *out, const char **why);

/* Whether LDAP_ALIAS is on.  A faulty file counts as on: the process says what is wrong and mail
 * waits; taken for off, it would have addresses refused that are aliases. */
bool ldapaliasrc_on(const char *etc);

#endif
