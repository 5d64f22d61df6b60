/* Private to pop3d: one POP3 session after the login (RFC 1939, 2449, 3206, 6856). */
#ifndef COURIER_POP3D_POP3D_H
#define COURIER_POP3D_POP3D_H

#include "base/base.h"

enum {
	POP3_LINE_MAX = 512,     /* bytes of a command with its line end */
	POP3_IDLE_SECONDS = 600, /* RFC 1939, section 3: at least ten minutes */
	POP3_OUTPUT = 64 * 1024,
	POP3_LIST_MAX = 256 * 1024 * 1024, /* bytes of courierpop3dsizelist */
	POP3_INITIAL_MAX = 64 * 1024,      /* bytes that the login process had read already */
};

/* A command line as the client meant it.  Pure. */
enum pop3_verb {
	POP3_UNKNOWN,
	POP3_CAPA,
	POP3_DELE,
	POP3_LANG,
	POP3_LIST,
	POP3_NOOP,
	POP3_QUIT,
	POP3_RETR,
	POP3_RSET,
	POP3_STAT,
	POP3_TOP,
	POP3_UIDL,
	POP3_UTF8,
};
struct pop3_command {
	enum pop3_verb verb;
	bool bad; /* its arguments are not what the verb wants */
	bool has_number;
	uint64_t number, lines; /* message, lines of TOP */
	struct str word;        /* of LANG */
};
void pop3_parse(struct str line, struct pop3_command *out);

/*
 * courierpop3dsizelist: sizes and unique ids of messages, kept from session to session.
 * Pure; entries' names are views into the text.
 */
struct sizelist_entry {
	struct str base; /* the message's name without flags */
	uint64_t size, n, uidv;
	int utf8; /* its header has raw 8-bit bytes: 0, 1; -1 not known (version 2) */
};
struct sizelist {
	uint64_t next, uidv;
	bool old; /* version 2: to be written anew */
	VEC(struct sizelist_entry) entries;
};
/* False for no or another version, or a torn first line; wrong lines are skipped. */
bool sizelist_parse(struct str text, struct sizelist *out);
void sizelist_free(struct sizelist *l);
void sizelist_head(uint64_t next, uint64_t uidv, struct buf *out);
void sizelist_line(struct str name, const struct sizelist_entry *e, struct buf *out);
/* The identifier of UIDL. */
void sizelist_uidl(const struct sizelist_entry *e, struct buf *out);

/* Counts what a message is on the wire, chunk by chunk; pure. */
struct pop3_measure {
	uint64_t size;
	bool utf8, in_body, cr, line_empty, any;
};
void pop3_measure_init(struct pop3_measure *m);
void pop3_measure_add(struct pop3_measure *m, struct str more);
uint64_t pop3_measure_end(struct pop3_measure *m); /* with the line end that may be missing */

/* A message on its way out: CRLF line ends, dots doubled; pure. */
struct pop3_wire {
	bool cr;    /* held back: the next byte tells whether it belongs to a line's end */
	bool blank; /* nothing of this line so far */
	bool in_body;
	bool done;           /* enough lines */
	uint64_t lines_left; /* of the body; UINT64_MAX: all */
};
void pop3_wire_init(struct pop3_wire *w, uint64_t body_lines);
/* How much of the piece was used (all, unless done).  out gets at most 3 bytes per byte. */
size_t pop3_wire_add(struct pop3_wire *w, struct str more, struct buf *out);
void pop3_wire_end(struct pop3_wire *w, struct buf *out); /* missing line end, and the last dot */

/* The messages of a session: numbers do not change. */
struct pop3_msg {
	char *name; /* file name below new/ or cur/ */
	bool in_new, deleted, listed;
	struct sizelist_entry id;
	char *enomem; /* UIDL when nothing could be saved, or NULL */
};
struct pop3_box {
	char *dir;
	int fd;
	VEC(struct pop3_msg) msgs;
};
/* 0, or -1 errno.  Reads new/ and cur/, gives sizes and ids to messages without, saves them. */
int pop3_box_open(struct pop3_box *b, const char *dir);
void pop3_box_close(struct pop3_box *b);
/* Opened for reading, found again when another program has changed its flags; -1 errno. */
int pop3_box_open_msg(struct pop3_box *b, struct pop3_msg *m);
void pop3_box_seen(struct pop3_box *b, struct pop3_msg *m);
/* Removes what is marked; the number that could not be removed.  Quota is kept up.  who: told with
 * the name of each message, or NULL. */
size_t pop3_box_expunge(struct pop3_box *b, const char *who);

/* Blocking input and output with one timeout. */
struct pop3_io {
	int in, out;
	char line[POP3_LINE_MAX + 1];
	struct buf input, output;
	size_t at; /* in input */
	uint64_t received, sent;
	bool failed;
};
void pop3_io_init(struct pop3_io *io, int in, int out);
/* 1 a line (without its end, valid until the next call), 0 end of file, -1 too long (dropped),
 * -2 idle too long. */
int pop3_io_line(struct pop3_io *io, struct str *line);
void pop3_io_put(struct pop3_io *io, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void pop3_io_flush(struct pop3_io *io);
void pop3_io_room(struct pop3_io *io, size_t n); /* flushes unless that much fits */

struct pop3_session {
	struct pop3_io io;
	struct pop3_box box;
	const char *user, *peer_ip, *peer_port;
	const char *unicode_type; /* MIME type of the wrapper */
	const char *maildir;      /* of accounts that name none */
	bool utf8, log_deletions;
	uint64_t retr_bytes, top_bytes;
	int64_t started;
};
/* False after QUIT. */
bool pop3_run(struct pop3_session *s, const struct pop3_command *c);
/* RETR and TOP.  -1: could not be read, nothing was sent. */
int pop3_send(struct pop3_session *s, struct pop3_msg *m, uint64_t body_lines, const char *ok);

#endif
