/*
 * Putting a message into a Maildir or folder.
 *
 *	struct maildir_delivery *d = maildir_deliver_begin(dir, &(struct
 *maildir_deliver_options){0}); maildir_deliver_write(d, p, n) ...      (NULL d and failed writes
 *are remembered) maildir_deliver_finish(&d, &name) or maildir_deliver_abort(&d)
 *
 * The file is written in tmp/, synced, renamed into new/ (or cur/) and that directory is synced:
 * when finish returns 0 the message is durable and visible.  On failure nothing is left behind
 * (a crash leaves a file in tmp/, which maildir_tmp_clean removes after 36 hours).
 *
 * Messages are their owner's alone; in a Maildir whose tmp/ is set-gid and may be written by its
 * group they are the group's, too.
 *
 * Errors: EDQUOT the mailbox's quota is exceeded (permanent for this message); ENOENT, ENOTDIR no
 * such Maildir; ENOSPC, EIO and the rest: temporary.
 */
#ifndef COURIER_MAILDIR_DELIVER_H
#define COURIER_MAILDIR_DELIVER_H

#include "base/base.h"

struct maildir_delivery;

enum maildir_deliver_flags {
	MAILDIR_NO_SYNC = 1,  /* the caller makes it durable otherwise (retained queue segment) */
	MAILDIR_NO_QUOTA = 2, /* neither checked nor counted (Trash) */
};

struct maildir_deliver_options {
	unsigned flags;
	int64_t size_hint;   /* bytes to come, 0 unknown: quota is checked before the first byte */
	const char *letters; /* NULL: new/.  Else cur/ with ":2,LETTERS" ("" is fine) */
	mode_t mode;         /* of the file, less the umask; 0: 0600 */
	int64_t mtime;       /* INTERNALDATE, seconds; 0: now */
	const char *tag; /* "_TAG" in the file name (letters, digits); NULL: a counter if needed */
	const char *quota; /* the account's definition ("5000000S,100C"): written to maildirsize
			      when it differs; NULL: what maildirsize says */
	const struct str *keywords; /* stored for the message before it becomes visible */
	size_t nkeywords;
};

struct maildir_delivery *maildir_deliver_begin(
    const char *dir, const struct maildir_deliver_options *o); /* o: NULL or copied shallowly */
int maildir_deliver_write(struct maildir_delivery *d, const void *p, size_t n);
int maildir_deliver_fd(struct maildir_delivery *d); /* the open tmp file, read and write */
/* Ends the delivery in any case, *d becomes NULL.  name (or NULL): file name below new/ or cur/ is
 * added. */
int maildir_deliver_finish(struct maildir_delivery **d, struct buf *name);
void maildir_deliver_abort(struct maildir_delivery **d); /* errno is preserved */

/*
 * The same in two steps, for callers that must do something between "complete and synced in tmp"
 * and "visible": prepare says the final name, publish renames.
 */
int maildir_deliver_prepare(struct maildir_delivery *d, struct buf *name);
/* finish, but the caller syncs the directory before it promises anything. */
int maildir_deliver_publish(struct maildir_delivery **d);

/* A Maildir whose tmp is set-gid and may be written by its group is shared on purpose: so are its
 * files.  dirfd: its folder, fd: a new file in it. */
int maildir_share(int dirfd, int fd);
int maildir_share_folder(int dirfd, const char *path); /* a new folder for it, or in it */

/* Removes what lies in DIR/tmp for more than 36 hours. */
int maildir_tmp_clean(const char *dir);
int maildir_tmp_clean_at(const char *dir, int64_t now); /* for tests */

#endif
