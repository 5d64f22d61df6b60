/* The settings of authldaprc, and the filters that are made of them.  Pure. */
#ifndef COURIER_AUTHDB_LDAPRC_H
#define COURIER_AUTHDB_LDAPRC_H

#include "authdb/rc.h"

enum ldap_value { /* indices into struct rc */
	LDAPRC_URI,
	LDAPRC_SERVER,
	LDAPRC_PORT,
	LDAPRC_VERSION,
	LDAPRC_BASEDN,
	LDAPRC_BINDDN,
	LDAPRC_BINDPW,
	LDAPRC_TIMEOUT,
	LDAPRC_AUTHBIND,
	LDAPRC_INITBIND,
	LDAPRC_MAIL,
	LDAPRC_FILTER,
	LDAPRC_DOMAIN,
	LDAPRC_GLOB_UID,
	LDAPRC_GLOB_GID,
	LDAPRC_HOMEDIR,
	LDAPRC_MAILROOT,
	LDAPRC_MAILDIR,
	LDAPRC_DELIVERY,
	LDAPRC_QUOTA,
	LDAPRC_FULLNAME,
	LDAPRC_CLEARPW,
	LDAPRC_CRYPTPW,
	LDAPRC_UID,
	LDAPRC_GID,
	LDAPRC_AUXOPTIONS,
	LDAPRC_ENUMERATE_FILTER,
	LDAPRC_DEREF,
	LDAPRC_TLS,
	LDAPRC_EMAILMAP,
	LDAPRC_EMAILMAP_BASEDN,
	LDAPRC_EMAILMAP_ATTRIBUTE,
	LDAPRC_EMAILMAP_MAIL,
};

extern const struct rc_file authldaprc;

enum { LDAPRC_OPTIONS_MAX = 32, LDAPRC_FILTER_MAX = 64 * 1024 };

struct ldap_option {
	const char *attribute, *name;
};
/* LDAP_AUXOPTIONS: "attribute=name,...".  How many, or -1: not of this form. */
int ldaprc_options(const char *text, struct arena *a, struct ldap_option out[LDAPRC_OPTIONS_MAX]);

/* (attribute=value), with an extra filter around it unless that is empty. */
bool ldaprc_filter(struct buf *out, const char *extra, const char *attribute, struct str value);
/* LDAP_EMAILMAP with the parts of name in place of @user@ and @realm@. */
bool ldaprc_emailmap(struct buf *out, const char *text, struct str name);

#endif
