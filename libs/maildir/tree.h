/*
 * The tree of folders.  A folder "Foo.Bar" (UTF-8) is the directory MAILDIR/.Foo.Bar; "" is INBOX.
 */
#ifndef COURIER_MAILDIR_TREE_H
#define COURIER_MAILDIR_TREE_H

#include "base/base.h"

typedef VEC(char *) maildir_list;

int maildir_make(const char *dir, mode_t mode); /* tmp, new, cur; existing parts are left alone */
int maildir_make_folder(const char *maildir, const char *folder);
/* Removes the folder with its messages.  A symbolic link is refused (ELOOP). */
int maildir_delete_folder(const char *maildir, const char *folder);
/* The same for a directory anywhere on the Maildir's file system. */
int maildir_remove_dir(const char *maildir, const char *path);
/* Renames one folder directory (not those below it). */
int maildir_rename_folder(const char *maildir, const char *from, const char *to);
bool maildir_exists(const char *dir); /* has tmp, new and cur, no rogue links */
/*
 * A folder that is a symbolic link, or whose tmp, new or cur is one: whoever can put it there could
 * have another folder's mail served.  The main Maildir itself may be one.  ELOOP.
 * follow_links(true), or MAILDIR_SKIP_SYMLINK_CHECKS=1 in the environment: such links are the
 * administrator's own.
 */
bool maildir_rogue_link(const char *dir);
void maildir_follow_links(bool yes);
char *maildir_folder_path(const char *maildir, const char *folder); /* to free(); "" is INBOX */

/* Names of all folders (without INBOX), sorted bytewise. */
int maildir_list_folders(const char *maildir, maildir_list *out);
void maildir_list_free(maildir_list *l);

/* courierimapsubscribed: full names ("INBOX.Sent"), sorted.  Absent file: empty list. */
int maildir_subscriptions(const char *maildir, maildir_list *out);
/* 0 also when it was so already. */
int maildir_subscribe(const char *maildir, const char *name, bool on);

/* True when a message lies in new/ (what LIST shows as \Marked). */
bool maildir_has_new(const char *dir);

#endif
