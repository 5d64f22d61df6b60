/*
 * The index of virtual shared folders (access-formats, section 11): which accounts there are and
 * where their Maildirs lie.  Lines NAME TAB uid TAB gid TAB HOME [TAB MAILDIR], or NAME TAB * TAB
 * FILE for a group of accounts in another file of the same folder.  Lines that cannot be read,
 * files beyond the limits and circles are left out: an index is made by scripts.
 */
#ifndef COURIER_MAILDIR_SHARED_INDEX_H
#define COURIER_MAILDIR_SHARED_INDEX_H

#include "base/base.h"

enum {
	MAILDIR_INDEX_FILE_MAX = 8 << 20, /* bytes of one file */
	MAILDIR_INDEX_DEPTH = 8,          /* groups in groups */
	MAILDIR_INDEX_FILES = 1000,
	MAILDIR_INDEX_ACCOUNTS = 20000,
	MAILDIR_INDEX_NAME_MAX = 512,
};

struct maildir_index_line {
	struct str name;
	struct str file;          /* of a group; else empty */
	struct str home, maildir; /* of an account */
};

struct maildir_shared {
	char *name;    /* "group.account", as IMAP has it below "#shared." */
	char *maildir; /* absolute */
};
typedef VEC(struct maildir_shared) maildir_shared_list;

/* False: a comment, blank, or no line of an index.  Pure. */
bool maildir_index_line(struct str line, struct maildir_index_line *out);
/* "." and "/" become blanks, or with `escapes` "\:" and "\;" (and "\" "\\").  False: too long. */
bool maildir_index_munge(struct str name, bool escapes, struct buf *out);
/* 0; -1 with errno when the first file cannot be read. */
int maildir_index_load(const char *file, bool escapes, maildir_shared_list *out);
void maildir_index_free(maildir_shared_list *l);

#endif
