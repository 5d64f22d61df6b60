/*
 * userdb: accounts in text, and the tables made from it.
 *
 * Source: the file or folder etc/userdb (in a folder every file not beginning with a dot, also in
 * folders below it), readable by its owner alone.  A line is
 *
 *	NAME<TAB>FIELD=VALUE|FIELD=VALUE...
 *
 * '#' starts a comment line.  `makeuserdb` turns it into etc/userdb.dat and, for the fields whose
 * name ends in "pw", etc/userdbshadow.dat.  When the tables are there they are what counts; a small
 * system does without them and the text itself is read, again whenever it changes.
 *
 * Domains in names are compared in lower case.  Every reader takes the source for hostile input: it
 * may be written by other programs.
 */
#ifndef COURIER_AUTHDAEMON_USERDB_H
#define COURIER_AUTHDAEMON_USERDB_H

#include "base/base.h"

enum {
	USERDB_LINE_MAX = 16 * 1024,
	USERDB_FILE_MAX = 512 * 1024 * 1024,
	USERDB_NAME_MAX = 512,
	USERDB_DEPTH_MAX = 8, /* folders in folders */
};

/* Pure. ---------------------------------------------------------------------------------------- */

/* 1: an account; 0: a blank or comment line; -1: not a userdb line.  Views into line. */
int userdb_line(struct str line, struct str *name, struct str *record);
/* The next field of a record; false at its end.  A field without '=' has an empty value. */
bool userdb_next(struct str *record, struct str *field, struct str *value);
bool userdb_field(struct str record, const char *field, struct str *value);
bool userdb_name_ok(struct str name);    /* may stand in the first column */
bool userdb_field_ok(struct str field);  /* letters, digits, '-', '_', '.' */
bool userdb_value_ok(struct str value);  /* no '|', no controls */
bool userdb_is_secret(struct str field); /* ends in "pw" */
/* The name as it is compared: domain in lower case. */
bool userdb_key(struct str name, struct buf *out);

/* Source. -------------------------------------------------------------------------------------- */

struct userdb_entry {
	struct str name, record;
	const char *file; /* relative to the folder of the source: "userdb", "userdb/sub" */
	unsigned line;
};
/*
 * Calls fn for each line of the source at path; fn returns 0 to go on.  -1 with *why (to be freed;
 * may be asked for as NULL) when something can't be read, has loose permissions or a bad line.
 * ENOENT in errno when there is no source at all.
 */
int userdb_read(
    const char *path, int (*fn)(void *ctx, const struct userdb_entry *e), void *ctx, char **why);
/* A number that changes whenever a file of the source does, and the time of the last change; 0:
 * there is no source. */
uint64_t userdb_signature(const char *path, int64_t *changed_ns);

/* Opens and locks (waits for) the lock file at path, which stays; made by root it belongs to whom
 * its folder belongs to.  -1 with errno; closing the descriptor unlocks. */
int userdb_lock(const char *path);
/* What root makes must be readable by authdaemond: gives it to its user, where there is one. */
int userdb_give(int fd);

/* Changing. ------------------------------------------------------------------------------------ */

struct userdb_change {
	enum { USERDB_SET, USERDB_UNSET } what;
	struct str field, value;
};
/*
 * Changes the account `name` in one file (made when absent, mode 0600) under the lock ".lock.FILE",
 * by replacing the file; owner and mode stay.  n 0: the account is deleted.  0, 1: no such account
 * (deleting), -1 with *why.
 */
int userdb_edit(
    const char *file, struct str name, const struct userdb_change *c, size_t n, char **why);
/* The file of the source at `path` that has the account, or the one new accounts go to. Freed by
 * the caller; NULL with *why. */
char *userdb_file_of(const char *path, struct str name, char **why);
/* Builds BASE.dat and BASEshadow.dat from the source BASE, both or none of what a crash allows:
 * first the shadow.  -1 with *why. accounts: how many. */
int userdb_compile(const char *base, size_t *accounts, char **why);

/* Looking up. ---------------------------------------------------------------------------------- */

struct userdb;
struct userdb *userdb_open(const char *base);
void userdb_close(struct userdb *u);
const char *userdb_base(const struct userdb *u); /* as given to userdb_open */
/* 1: *record (cleared first) is the account's; 0: absent; -1: can't tell (logged). */
int userdb_get(struct userdb *u, struct str name, struct buf *record);
/* All accounts, in no order. */
int userdb_each(
    struct userdb *u, int (*fn)(void *ctx, struct str name, struct str record), void *ctx);

#endif
