/*
 * Access control lists of folders (access-formats, section 6): one line per entry, "WHO RIGHTS".
 *
 * WHO is owner, anyone (anonymous is the same), user=LOGIN, group=NAME or administrators
 * (group=administrators is the same); with "-" in front the rights are taken away.  A folder
 * without a list of its own has that of the folder above it; INBOX without one is the owner's and
 * the administrators'.  Parsing, changing and judging are pure.
 */
#ifndef COURIER_MAILDIR_ACL_H
#define COURIER_MAILDIR_ACL_H

#include "base/base.h"

enum { MAILDIR_ACL_ENTRIES = 1000, MAILDIR_ACL_WHO_MAX = 512, MAILDIR_ACL_FILE_MAX = 1 << 20 };

/* A set of rights: bit i stands for letter i of this. */
#define MAILDIR_RIGHTS_ALL "aceilrstwx"
enum { MAILDIR_RIGHTS_MASK = 0x3ff, MAILDIR_RIGHTS_SIZE = 11 };

struct maildir_acl_entry {
	char *who;
	unsigned rights;
};

struct maildir_acl {
	VEC(struct maildir_acl_entry) entries;
};

/* "d", of older lists, is e, t and x.  False: another letter, *out has the ones that are known. */
bool maildir_rights_parse(struct str text, unsigned *out);
void maildir_rights_text(unsigned rights, char out[MAILDIR_RIGHTS_SIZE]);

/* Lines that can't be read are left out, unknown letters, too. */
void maildir_acl_parse(struct str file, struct maildir_acl *out);
void maildir_acl_print(const struct maildir_acl *acl, char between, struct buf *out);
void maildir_acl_free(struct maildir_acl *acl);

bool maildir_acl_who_ok(struct str who); /* one of the forms above */
/* how: '=' replaces, '+' adds, '-' takes away.  False: too many entries. */
bool maildir_acl_change(struct maildir_acl *acl, struct str who, char how, unsigned rights);
void maildir_acl_remove(struct maildir_acl *acl, struct str who);
/* Who would lose what can't be taken from them: the owner a and l, administrators anything.  NULL:
 * nobody. */
const char *maildir_acl_fault(const struct maildir_acl *acl);
/* What somebody who is all of ids[] may do.  anyone need not be among them. */
unsigned maildir_acl_rights(const struct maildir_acl *acl, const struct str *ids, size_t n);

/* folder: as on disk, "" is INBOX; need not exist.  0, -1 with errno. */
int maildir_acl_load(const char *maildir, const char *folder, struct maildir_acl *out);
int maildir_acl_save(const char *maildir, const char *folder, const struct maildir_acl *acl);
/* Removes lists of folders that are no more and have none below them. */
int maildir_acl_reset(const char *maildir);

#endif
