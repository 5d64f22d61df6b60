/*
 * A session: all state of one client after login.  What must outlive the process when sessions get
 * parked (selected folder, what was announced, options) is in `struct session` and `struct mailbox`
 * as plain values; the rest can be made again from them.
 */
#ifndef COURIER_IMAPD_SESSION_H
#define COURIER_IMAPD_SESSION_H

#include "imapd/io.h"
#include "imapd/parse.h"
#include "imapd/settings.h"
#include "maildir/maildir.h"

enum {
	COMMAND_ARENA_MAX = 64 << 20, /* bytes one command may use */
	FOLDER_NAME_MAX = 1024,       /* bytes of a folder's name on the wire */
	BAD_COMMANDS_MAX = 100,       /* in a row, then the session ends */
};

/* The selected folder as the client knows it. */
struct place;
struct share;

struct mailbox {
	struct maildir_folder *f;
	char *name; /* "INBOX.Sent" in UTF-8 */
	bool read_only;
	bool trash;
	int kind;                    /* enum place_kind */
	char *root;                  /* the Maildir it is in, for the quota; "." is the own one */
	char *folder;                /* below that */
	char *source;                /* of a copy made of links: the real folder */
	unsigned rights;             /* MAILDIR_RIGHTS_ALL: what the session may do here */
	size_t announced;            /* EXISTS */
	size_t words;                /* keywords named in FLAGS */
	struct maildir_modseqs mods; /* highest 0: none */
};

enum reply { REPLY_NONE, REPLY_OK, REPLY_NO, REPLY_BAD };

struct session {
	struct io io;
	struct settings cfg;
	const char *user; /* for the log */
	struct mailbox *box;
	struct share *share;     /* other people's Maildirs; NULL: none */
	int outbox;              /* to the helper that sends, -1: none */
	bool utf8;               /* ENABLE UTF8=ACCEPT */
	bool condstore, qresync; /* RFC 7162: used by the client */
	bool tell_modseq;        /* the tagged OK names the highest one */
	struct seqset saved;     /* "$": ranges of UIDs, owned */
	bool logout;
	unsigned bad; /* bad commands in a row */

	/* the command at hand */
	struct arena *arena;
	struct buf line;
	struct str tag;
	bool uid;
	bool has_literal; /* the line ends with the literal of a message that is still to come */
	struct literal literal;
	enum reply reply;
	struct buf text; /* response code and text of the tagged line */

	uint64_t header_bytes, body_bytes; /* for the log */
	bool timed_out;
	bool unwatched; /* the log knows that IDLE cannot be told of changes */
	int64_t started;
};

/* The tagged reply; the last call counts. */
void reply_ok(struct session *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void reply_no(struct session *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void reply_bad(struct session *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* NO with what errno says ("cannot copy: Disk quota exceeded"), the fitting code in front. */
void reply_errno(struct session *s, const char *what);

/* Reads and runs one command; false: the session is over. */
bool command_next(struct session *s);
void capability_put(struct session *s, struct buf *out);

/* ---- commands: one function each; rest of the line in p, the blank before it not taken ---- */

typedef void command_fn(struct session *s, struct parser *p);
command_fn cmd_capability, cmd_noop, cmd_logout, cmd_id, cmd_enable, cmd_namespace;
command_fn cmd_list, cmd_lsub, cmd_create, cmd_delete, cmd_rename, cmd_subscribe, cmd_unsubscribe;
command_fn cmd_select, cmd_examine, cmd_status, cmd_check, cmd_close, cmd_unselect;
command_fn cmd_append, cmd_expunge, cmd_fetch, cmd_store, cmd_copy, cmd_move;
command_fn cmd_search, cmd_sort, cmd_thread, cmd_idle;
command_fn cmd_getquota, cmd_getquotaroot, cmd_setquota;
command_fn cmd_getacl, cmd_setacl, cmd_deleteacl, cmd_listrights, cmd_myrights, cmd_acl;

/* ---- selected folder (mailbox.c) ---- */

struct mailbox *mailbox_open(struct session *s, const struct place *where, bool read_only);
void mailbox_close(struct session *s);
/* Looks at the rights again, in other people's folders; one that is shared no more is closed. */
void mailbox_refresh(struct session *s);
bool mailbox_may(const struct session *s, enum maildir_action what);
/* The flags that may be changed in a folder with these rights. */
unsigned flags_changeable(unsigned rights);
/* Sends what changed; EXPUNGE only when allowed.  -1: the folder is lost, the session must end. */
int mailbox_announce(struct session *s, bool expunge);
void put_flags(struct session *s, const struct maildir_msg *m); /* "(\Seen $x)" */
void put_flag_names(struct session *s, const char *before, bool star, const char *after);
bool keyword_is_atom(const char *word);

/* The messages a command names, as 0-based indexes in ascending order.  False: the set is wrong
 * (a number beyond the last message); the reply is made. */
struct picked {
	uint32_t *v;
	size_t n;
	bool modseq; /* of a search: MODSEQ was asked for */
};
void search_forget(struct session *s); /* "$" is empty again */
bool pick(struct session *s, const struct seqset *set, struct picked *out);

/* ---- names (names.c) ---- */

/* The argument as UTF-8; false: reply made. */
bool name_argument(struct session *s, struct parser *p, char **out);
/* "INBOX.Foo" to "Foo", "INBOX" to ""; NULL: no name of ours. */
const char *name_folder(const char *name);
bool name_is_trash(struct session *s, const char *name);
char *name_dir(struct session *s, const char *name); /* in the arena; NULL as above */
void put_name(struct session *s, const char *name);  /* quoted, encoded as the client wants */
bool name_encode(struct session *s, const char *name, struct buf *out);

/* ---- strings on the wire (strings.c) ---- */

void put_string(struct session *s, struct str v); /* quoted or literal */
void add_string(struct session *s, struct buf *b, struct str v);
void add_nstring(struct session *s, struct buf *b, struct str v);

/* ---- Trash (trash.c) ---- */

void trash_purge(struct session *s); /* IMAP_EMPTYTRASH */
/* Moves one message of the selected folder to Trash; -1 with errno. */
int trash_take(struct session *s, size_t i);
/* Removes what is marked \Deleted (and in the set, when given) and reports quota.  -1: errno. */
int expunge_deleted(struct session *s, const struct seqset *uids);

#endif
