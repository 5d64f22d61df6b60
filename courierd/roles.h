/*
 * The table of roles: the process diagram of the suite in one place.  Who runs as whom, who may ask
 * for an edge to whom, in which order all is stopped.  `courier security` compares the live
 * processes with it.
 */
#ifndef COURIER_ROLES_H
#define COURIER_ROLES_H

#include "config/config.h"

enum role_flags {
	ROLE_ROOT = 1,        /* keeps root's rights */
	ROLE_CHROOT = 2,      /* empty root folder */
	ROLE_MAY_GAIN = 4,    /* its children may gain rights (programs of users) */
	ROLE_MODULE = 8,      /* a transport module */
	ROLE_LISTENS = 16,    /* part of the instance only when it has a listener */
	ROLE_ROOT_SETUP = 32, /* a helper of it stays root (PAM, shadow, certificates) */
	ROLE_LDAPALIAS = 64,  /* part of the instance only when ldapaliasrc says so */
	ROLE_ACCOUNTS = 128,  /* ... when authmodulelist names it */
};

enum { ROLES_MAX = 32, ROLE_PEERS_MAX = 10 };

struct role {
	const char *name;
	const char *program; /* in libexec/courier, or an absolute path */
	const char *user;    /* of a system instance run by root */
	const char *group;   /* NULL: that of the same name */
	unsigned flags;
	unsigned stage;    /* stopped in this order, lowest first */
	const char *jail;  /* ROLE_CHROOT into this folder of var; NULL: the empty one */
	const char *count; /* setting that tells how many processes; NULL: one */
	const char *asks[ROLE_PEERS_MAX]; /* roles it may have an edge to */
};

struct roles {
	struct role v[ROLES_MAX];
	size_t n;
};

extern const struct role builtin_roles[];
extern const size_t n_builtin_roles;

/* The built-in roles and one for each further etc/module.NAME that names a program. */
int roles_load(struct roles *r, const struct instance *in);
const struct role *roles_find(const struct roles *r, struct str name);
const char *role_group(const struct role *r);
bool role_may_ask(const struct role *from, const struct role *to);

#endif
