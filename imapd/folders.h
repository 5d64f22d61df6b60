/* What LIST, STATUS and the commands that change folders share. */
#ifndef COURIER_IMAPD_FOLDERS_H
#define COURIER_IMAPD_FOLDERS_H

#include "imapd/list.h"
#include "imapd/session.h"
#include "imapd/status.h"

/* "* STATUS ..." of a folder; -1 with errno. */
int status_show(struct session *s, const char *name, unsigned items);

/*
 * Special uses (RFC 6154).  The setting IMAP_SPECIALUSE names folders for all accounts; what CREATE
 * (USE ...) says of others is in the file courierimapspecialuse of the Maildir: lines "folder TAB
 * use", replaced by rename like the subscriptions.  The trash folder is IMAP_TRASHFOLDERNAME alone.
 */
struct special_use {
	struct buf file;
};
int special_use_open(struct special_use *u); /* -1: it cannot be read, and seems empty */
void special_use_close(struct special_use *u);
/* The use of "Foo.Bar", without backslash; false: none. */
bool special_use_of(
    struct session *s, const struct special_use *u, const char *folder, struct str *use);
bool special_use_known(struct str use); /* one that a folder may be created for */
/* Adds, renames or (to NULL) removes what the file says of a folder.  -1: errno. */
int special_use_add(const char *folder, struct str use);
int special_use_move(const char *from, const char *to);

#endif
