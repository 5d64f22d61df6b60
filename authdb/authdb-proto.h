/*
 * The frames between authdaemond and the roles authldap, authmysql, authpgsql, authsqlite and
 * authpipe, which ask directories, databases and a program about accounts.  authdaemond chooses the
 * id; a request has one answer, but AUTHDB_EACH any number of AUTHDB_ITEM before AUTHDB_DONE.  The
 * page's other user is authdaemon/backend-remote.c.
 */
#ifndef COURIER_AUTHDB_PROTO_H
#define COURIER_AUTHDB_PROTO_H

#include "auth/auth-proto.h"

enum authdb_frame {
	/* requests */
	AUTHDB_LOOKUP = 1, /* service, name: str */
	AUTHDB_CHECK,      /* service, name, password: str; accounts with `binds` alone */
	AUTHDB_CHANGE,     /* service, name, old, new, made: str */
	AUTHDB_EACH,       /* nothing */
	/* answers */
	AUTHDB_ACCOUNT, /* verdict: u8; with AUTHDB_YES: auth_put_account; stored, clear: str;
			   binds: u8 */
	AUTHDB_ITEM,    /* auth_put_account */
	AUTHDB_DONE,    /* verdict: u8 */
};

enum authdb_verdict {
	AUTHDB_YES, /* there is one; the password is right; it has been changed; all are listed */
	AUTHDB_NO,  /* there is none; it is wrong; it can't be changed */
	AUTHDB_UNKNOWN, /* can't be told now: try again later */
};

enum {
	AUTHDB_LIMIT_MS = 25 * 1000,       /* authdaemond waits no longer */
	AUTHDB_EACH_LIMIT_MS = 300 * 1000, /* nor for the next account of a list */
};

#endif
