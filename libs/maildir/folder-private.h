/* Shared by the files that make up an open folder; nobody else includes it. */
#ifndef COURIER_MAILDIR_FOLDER_PRIVATE_H
#define COURIER_MAILDIR_FOLDER_PRIVATE_H

#include "maildir/maildir.h"

#define MAILDIR_UIDDB "courierimapuiddb"

enum {
	MAILDIR_UIDDB_MAX = 512 << 20, /* bytes */
	MAILDIR_RACY_MS = 50,          /* a directory's time may lag behind a change that long */
	MAILDIR_RETRIES = 3,           /* times a vanished name is looked for again */
};

/* maildir_put_file in two steps: a complete file in tmp/, which the caller renames; abort removes
 * it, keeps errno and returns -1. */
int maildir_put_begin(int folderfd, struct str text, bool sync, char tmp[MAILDIR_NAME_MAX]);
int maildir_put_abort(int folderfd, const char *tmp);

uint32_t maildir_new_uidvalidity(void);
int maildir_uiddb_read(int folderfd, struct buf *text); /* absent or absurd: empty */

/* Index of a message by its base, or SIZE_MAX. */
size_t maildir_table_find(const struct maildir_folder *f, struct str base);
void maildir_table_add(struct maildir_folder *f, size_t i);
void maildir_table_rebuild(struct maildir_folder *f);

/* Reads the keyword store for the messages of the list; sets `changed` where a set differs. */
int maildir_keywords_sync(struct maildir_folder *f, bool fresh_messages);
struct maildir_kwset *maildir_kwset_new(uint16_t *v, unsigned n); /* sorts; NULL for none */
bool maildir_kwset_same(const struct maildir_kwset *a, const struct maildir_kwset *b);

/* Directory time: true when it must be read (again); *now is to be stored after reading. */
bool maildir_stamp_differs(int fd, const struct maildir_stamp *old, struct maildir_stamp *now);

#endif
