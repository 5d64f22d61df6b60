/*
 * What a session knows of other people's Maildirs, read once when it starts (a later change of the
 * index counts for later sessions), and how names lead into them:
 *
 *	INBOX...                    the account's own Maildir
 *	#shared.[GROUP.]ACCOUNT...  virtual: an account of the index, judged by lists of rights
 *	shared.NAME.FOLDER          by file permissions: a folder of a sharable Maildir, through a
 *	                            copy made of links in shared-folders/ of the own Maildir
 *
 * The Maildirs in here are all that the session's sandbox lets in besides its own.
 */
#ifndef COURIER_IMAPD_SHARE_H
#define COURIER_IMAPD_SHARE_H

#include "imapd/session.h"

enum place_kind { PLACE_OWN, PLACE_SHARED, PLACE_FILES };

struct place {
	enum place_kind kind;
	const char *name;   /* in UTF-8, as the client says it */
	const char *root;   /* the Maildir: "." or an absolute path */
	const char *folder; /* "Foo.Bar"; "" the Maildir itself */
	const char *dir;    /* its directory; PLACE_FILES: of the copy */
	const char *source; /* PLACE_FILES: the folder itself */
	unsigned rights;
	bool exists;
};

struct share;

/* Reads index and lists; what cannot be read is not there. */
struct share *share_open(
    const struct settings *cfg, const struct instance *in, const char *user, const char *options);
void share_close(struct share **sh);
/* The folders the sandbox lets in. */
void share_paths(const struct share *sh, maildir_list *out);

/* False: a name that can be nobody's.  All strings are in the command's arena. */
bool place_find(struct session *s, const char *name, struct place *out);
/* The folder above, which CREATE asks; false as above. */
bool place_above(struct session *s, const struct place *p, struct place *out);
/* The same for a command: the reply is made when the action is not allowed or there is no folder;
 * who may not look the folder up gets the words for one that is not there. */
bool place_open(struct session *s, const char *name, enum maildir_action what, struct place *out);
/* For APPEND, COPY and MOVE: the same with TRYCREATE. */
bool place_target(struct session *s, const char *name, struct place *out);
bool place_allows(struct session *s, const struct place *p, enum maildir_action what);
bool place_uncounted(const struct place *p); /* its messages are in no quota */
void reply_no_mailbox(struct session *s);
unsigned place_rights(struct session *s, const struct place *p); /* as they are now */
/* CREATE and RENAME to a name: not allowed is not allowed, whether the name above is there or
 * not. */
bool place_create_allowed(struct session *s, const char *name, struct place *out);

/* Names of other people's folders that may be seen and that the pattern may mean, for LIST; each
 * call's name is to be freed. */
typedef void share_name_fn(void *ctx, char *name);
void share_list(struct session *s, struct str pattern, share_name_fn *name, void *ctx);

/* Filesystem-based folders: makes and fills the copy (that is what subscribing means); -1: errno */
int files_sync(const struct place *p);
int files_unsubscribe(const struct place *p);
void files_list_subscribed(struct session *s, share_name_fn *name, void *ctx);
/* A name outside of INBOX that there is and that may be seen. */
bool share_visible(struct session *s, const char *name);
bool files_subscribed(const struct place *p);

/* "(ACL MYRIGHTS POSTADDRESS) " before the reference of LIST; *items is 0 and nothing is taken when
 * something else stands there.  False: a word besides these. */
enum { LIST_ACL = 1, LIST_MYRIGHTS = 2, LIST_POSTADDRESS = 4 };
bool acl_items_parse(struct parser *p, unsigned *items);
void acl_items_put(struct session *s, const char *name, unsigned items); /* with a blank before */

#endif
