/*
 * An open folder: its messages with UIDs, flags and keywords, in ascending order of UID.
 *
 * A folder is opened empty and filled by maildir_folder_sync, which may be called as often as one
 * likes: it looks at the directories' times first and reads them only when they changed.  Sync
 * never moves a message in the list: new ones are added at the end, vanished ones are marked `gone`
 * and stay until maildir_folder_drop, changed ones are marked `changed` until the caller clears it.
 * So sequence numbers change only when the caller says so.
 *
 * UIDs: courierimapuiddb, given out under the folder's lock (flock on the directory, and the
 * original's dot-lock tmp/courier.lock when asked); a UID is durable before sync returns it.
 * Reading a folder takes no open() or stat() per message.
 */
#ifndef COURIER_MAILDIR_FOLDER_H
#define COURIER_MAILDIR_FOLDER_H

#include "base/base.h"

struct maildir_kwset { /* ascending indexes into folder->words */
	unsigned n;
	uint16_t v[];
};

struct maildir_msg {
	char *name;                     /* file name below cur/ (new/ when in_new) */
	struct maildir_kwset *keywords; /* NULL: none */
	uint64_t size;                  /* of the file, from its name; MAILDIR_SIZE_UNKNOWN */
	uint32_t uid;
	uint32_t scan;     /* internal: the scan that saw it last */
	uint16_t base_len; /* of the name */
	uint8_t flags;     /* enum maildir_flag */
	bool in_new : 1;   /* still in new/ (read-only opening) */
	bool recent : 1;   /* we are the session that took it from new/ */
	bool gone : 1;     /* no longer there */
	bool changed : 1;  /* flags or keywords differ from what the caller knows */
	bool listed : 1;   /* internal: known from the file of UIDs alone so far */
};

#define MAILDIR_SIZE_UNKNOWN UINT64_MAX

enum maildir_open_flags {
	MAILDIR_READ_ONLY = 1, /* leaves new/ and the keyword store alone */
	MAILDIR_DOT_LOCK = 2,
	MAILDIR_NO_KEYWORDS = 4,
	MAILDIR_KEYWORD_CASE = 8, /* keywords that differ in case are different ones (SMAP) */
};

struct maildir_stamp {
	int64_t ns;   /* mtime */
	bool certain; /* old enough that a later change must show */
};

struct maildir_folder {
	char *dir;
	int fd, curfd, newfd;
	int srcfd; /* cur/ of the folder that this one is made of links to, else -1 */
	unsigned flags;
	uint32_t uidvalidity, uidnext; /* 0 before the first sync */
	VEC(struct maildir_msg) msgs;
	VEC(char *) words; /* every keyword seen in this folder */
	/* the rest is internal */
	uint32_t *table;
	size_t table_size;
	uint64_t seed;
	uint32_t scan;
	bool stale; /* courierimapuiddb names messages that are gone */
	bool force;
	struct maildir_stamp cur_stamp, new_stamp, kw_stamp;
};

struct maildir_folder *maildir_folder_open(const char *dir, unsigned flags);
void maildir_folder_close(struct maildir_folder **f);
/* The messages are links: they are opened in the cur/ of this folder, and nowhere else. */
int maildir_folder_source(struct maildir_folder *f, const char *dir);

/* 1: something is new, gone or changed.  0: nothing.  force: reads the directories in any case. */
int maildir_folder_sync(struct maildir_folder *f, bool force);
/* Takes one message out of the list. */
void maildir_folder_drop(struct maildir_folder *f, size_t i);
void maildir_folder_drop_gone(struct maildir_folder *f); /* all that are marked gone */
/* Index of a UID, or of the first one above it; *exact says which. */
size_t maildir_folder_find(const struct maildir_folder *f, uint32_t uid, bool *exact);

struct str maildir_msg_base(const struct maildir_msg *m);
/* Opened for reading; follows a change of its flags by others.  ENOENT: it is gone (and marked). */
int maildir_folder_open_msg(struct maildir_folder *f, size_t i);
int maildir_folder_stat_msg(struct maildir_folder *f, size_t i, struct stat *st);
/* Renames; ENOENT: gone. */
int maildir_folder_set_flags(struct maildir_folder *f, size_t i, unsigned flags);
/* The marks in `mask` become those of `flags`; the others stay as they are, also those that
 * somebody else changes at that moment.  *before: all the marks it had. */
int maildir_folder_mark(
    struct maildir_folder *f, size_t i, unsigned mask, unsigned flags, unsigned *before);
/* 0..n indexes of maildir_folder_word.  EDQUOT: too many keywords in the folder. */
int maildir_folder_set_keywords(struct maildir_folder *f, size_t i, const uint16_t *v, unsigned n);
int maildir_folder_word(struct maildir_folder *f, struct str word, bool add); /* index or -1 */
/* For a folder opened MAILDIR_READ_ONLY | MAILDIR_NO_KEYWORDS: reads the keywords after all, and
 * merges what updates have left in the store. */
int maildir_folder_merge_keywords(struct maildir_folder *f);
/* What a link means, not the link itself; other messages: nothing. */
int maildir_folder_remove_source(struct maildir_folder *f, size_t i);
/* Removes the message's file and marks it gone; that it was gone already is no error. */
int maildir_folder_remove(struct maildir_folder *f, size_t i);
/* Moves the file to another folder of the same Maildir under the same flags and a new base;
 * the new name is added to `name`.  Marks it gone here.  Nothing is synced. */
int maildir_folder_move(
    struct maildir_folder *f, size_t i, int tofd, unsigned keep, struct buf *name);

/*
 * UIDs for messages put into a folder (APPEND, COPY, MOVE).  begin takes the lock; add names the
 * next UID for a base; prepare writes the new list beside the old one; then the messages are
 * renamed into cur/; commit puts the list in place, syncs cur/ and the folder (so messages need no
 * sync of the directory of their own) and lets the lock go.  When it fails nothing is promised:
 * what lies in cur/ gets UIDs at the next sync.
 */
struct maildir_uids;
struct maildir_uids *maildir_uids_begin(const char *dir, unsigned flags);
uint32_t maildir_uids_add(struct maildir_uids *u, struct str base);
int maildir_uids_prepare(struct maildir_uids *u); /* may be left out */
int maildir_uids_commit(struct maildir_uids **u, uint32_t *uidvalidity);
void maildir_uids_abort(struct maildir_uids **u);

/* courierimapuiddb as text; pure.  head: false when the file is of no use; line: false at the end,
 * wrong lines are skipped, uids come in ascending order. */
bool maildir_uiddb_head(struct str *rest, uint32_t *uidvalidity, uint32_t *uidnext);
bool maildir_uiddb_line(struct str *rest, uint32_t *last, struct str *base);

/* A fresh base name "<sec>.M<usec>P<pid>_<n>.<host>[,S=size]" for a file that is moved. */
void maildir_new_base(uint64_t size, char out[160]);

/* The folder's lock; dot: with tmp/courier.lock.  Waits up to a minute (ETIMEDOUT). */
struct maildir_lock {
	int fd;
	int folderfd;
	bool dot;
};
int maildir_lock_take(struct maildir_lock *l, int folderfd, bool dot);
void maildir_lock_drop(struct maildir_lock *l);

/* Puts a file under its final name by way of tmp/ (one that a crash leaves there is cleaned up in
 * time); sync: durable when it returns. */
int maildir_put_file(int folderfd, const char *name, struct str text, bool sync);

#endif
