/*
 * Who may do what in a folder: one pure function from (who, list, action) to a verdict, for every
 * program that serves mail (RFC 4314, section 4).  There are three verdicts: somebody without the
 * right to look a folder up must not learn that it exists, so for them what is refused looks like
 * what is not there.
 */
#ifndef COURIER_MAILDIR_ACCESS_H
#define COURIER_MAILDIR_ACCESS_H

#include "maildir/acl.h"

enum { MAILDIR_IDENTITIES = 64 };

/* user=LOGIN and group=NAME of a session; owner is said by itself. */
struct maildir_identity {
	struct str ids[MAILDIR_IDENTITIES];
	size_t n;
};

enum maildir_action {
	MAILDIR_LOOKUP,      /* l: LIST, LSUB, SUBSCRIBE */
	MAILDIR_READ,        /* r: SELECT, EXAMINE, STATUS, FETCH, SEARCH, COPY from here */
	MAILDIR_MARK_SEEN,   /* s */
	MAILDIR_MARK_DELETE, /* t */
	MAILDIR_MARK_OTHER,  /* w */
	MAILDIR_INSERT,      /* i: APPEND, COPY, MOVE to here */
	MAILDIR_EXPUNGE,     /* e; MOVE from here needs t as well */
	MAILDIR_CREATE,      /* c, asked of the folder above */
	MAILDIR_DELETE,      /* x: DELETE, RENAME of this folder */
	MAILDIR_ADMINISTER,  /* a: GETACL, SETACL, DELETEACL, LISTRIGHTS */
	MAILDIR_ASK_RIGHTS,  /* any right: MYRIGHTS */
};

enum maildir_verdict { MAILDIR_ALLOW, MAILDIR_DENY, MAILDIR_HIDE };

/* The letter of the right an action needs; 0: any will do. */
char maildir_action_letter(enum maildir_action what);
unsigned maildir_action_right(enum maildir_action what);
enum maildir_verdict maildir_access_rights(unsigned rights, enum maildir_action what);
enum maildir_verdict maildir_access(const struct maildir_identity *who, bool owner,
    const struct maildir_acl *acl, enum maildir_action what);
unsigned maildir_identity_rights(
    const struct maildir_identity *who, bool owner, const struct maildir_acl *acl);
/* From the login's name and the account's options ("group=a,group=b,..."); points into both. */
void maildir_identity_parse(
    struct str user, struct str options, struct maildir_identity *out, char *room, size_t size);

/*
 * Rights as clients of RFC 2086 know them: d stands for e, t and x together.  partial: e, t and x
 * are shown by themselves when they are not all there; otherwise they are left out.
 */
enum { MAILDIR_RIGHTS_OLD_SIZE = 12 };
void maildir_rights_old(unsigned rights, bool partial, char out[MAILDIR_RIGHTS_OLD_SIZE]);

#endif
