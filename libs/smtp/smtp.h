/*
 * libs/smtp: the words of SMTP (RFC 5321 and its extensions), for the server and for the client.
 *
 * Everything here is a pure function over bytes: no file, socket or global.  Input is hostile; it
 * may arrive in any pieces.  Results are views into the input, or live in the caller's arena.
 */
#ifndef COURIER_SMTP_H
#define COURIER_SMTP_H

#include "base/base.h"
#include "rfc822/rfc822.h"
#include "smtp/reply.h"
#include "smtp/values.h"

/* ---- lines ---------------------------------------------------------------------------------- */

enum {
	SMTP_LINE_MAX =
	    2048, /* a command with its CRLF; RFC 5321 asks 512 and more for extensions */
	SMTP_AUTH_LINE_MAX = 12288, /* an AUTH exchange; RFC 4954, section 4 */
	SMTP_REPLY_LINE_MAX = 2048, /* a line of a reply; RFC 5321 says 512, servers say more */
};

/*
 * Cuts lines off the front of a buffer.  Only CRLF ends a line.  A line that is too long, or that
 * holds a bare CR or LF, is reported once, as soon as that is known; what is left of it up to its
 * CRLF is skipped.
 */
struct smtp_lines {
	size_t max;     /* bytes with the CRLF; may be changed between lines */
	size_t scanned; /* of the caller's buffer, known to hold no line end */
	bool skipping;
};
enum smtp_line {
	SMTP_LINE_MORE,     /* no whole line yet */
	SMTP_LINE_READY,    /* *line is set, without its CRLF */
	SMTP_LINE_TOO_LONG, /* answer SMTP_R_LINE_TOO_LONG */
	SMTP_LINE_BARE,     /* answer SMTP_R_BARE_NEWLINE; who sends this is better left */
};
void smtp_lines_init(struct smtp_lines *l, size_t max);
/* in: all that is buffered.  In every case the caller takes *used bytes off the buffer and gives
 * the rest again, with more behind it, in the next call. */
enum smtp_line smtp_lines_next(struct smtp_lines *l, struct str in, struct str *line, size_t *used);

/* ---- commands ------------------------------------------------------------------------------- */

enum smtp_verb {
	SMTP_UNKNOWN,
	SMTP_HELO,
	SMTP_EHLO,
	SMTP_MAIL,
	SMTP_RCPT,
	SMTP_DATA,
	SMTP_BDAT,
	SMTP_RSET,
	SMTP_NOOP,
	SMTP_VRFY,
	SMTP_EXPN,
	SMTP_HELP,
	SMTP_QUIT,
	SMTP_STARTTLS,
	SMTP_AUTH,
	SMTP_VERBS,
};

struct smtp_command {
	enum smtp_verb verb;
	struct str word; /* the verb as it was written */
	struct str args; /* behind it, blanks at both ends cut */
};
/* Control bytes (other than TAB in arguments) make the verb SMTP_UNKNOWN. */
void smtp_command_parse(struct str line, struct smtp_command *out);
const char *smtp_verb_name(enum smtp_verb v); /* "MAIL" */

/* Which extensions are in force: parameters of others are refused (RFC 5321, section 4.1.1.11). */
enum smtp_ext {
	SMTP_EXT_SIZE = 1,
	SMTP_EXT_8BITMIME = 2,
	SMTP_EXT_DSN = 4,
	SMTP_EXT_AUTH = 8,
	SMTP_EXT_SMTPUTF8 = 16,
	SMTP_EXT_VERP = 32,
	SMTP_EXT_EXDATA = 64,
	SMTP_EXT_SECURITY = 128,
	SMTP_EXT_CHUNKING = 256,
	SMTP_EXT_BINARYMIME = 512,
	SMTP_EXT_REQUIRETLS = 1024,
	SMTP_EXT_DELIVERBY = 2048,
	SMTP_EXT_FUTURERELEASE = 4096,
	SMTP_EXT_PRDR = 8192,
	SMTP_EXT_LIMITS = 16384,
	SMTP_EXT_PIPELINING = 32768,
	SMTP_EXT_CODES =
	    65536, /* ENHANCEDSTATUSCODES: only the word, the codes stand in any case */
	SMTP_EXT_ALL = 131071,
	SMTP_EXT_SECURE = 1 << 20, /* no word: the session is encrypted */
};
/* The extension of an EHLO keyword ("XVERP", "SIZE"); 0: none that can be left out. */
unsigned smtp_ext_find(struct str keyword);
/* ext.c: all of them in the order in which they are offered, with what stands behind the keyword
 * always; false at the end. */
struct smtp_ext_word {
	unsigned ext;
	const char *word, *value; /* value: "=Courier", or NULL */
};
bool smtp_ext_word(size_t i, struct smtp_ext_word *out);

enum { SMTP_ENVID_MAX = 100, SMTP_ORCPT_MAX = 500, SMTP_HELO_MAX = 255 };

enum smtp_body { SMTP_BODY_NONE, SMTP_BODY_7BIT, SMTP_BODY_8BITMIME, SMTP_BODY_BINARYMIME };

struct smtp_mail {
	struct mailpath path;
	struct str address; /* local@domain, quoted where it must be; empty for <> */
	uint64_t size;      /* SIZE=; 0: not given */
	enum smtp_body body;
	char ret;         /* RET=: 'F', 'H' or 0 */
	struct str envid; /* decoded */
	struct str auth;  /* AUTH=, decoded; "<>" or a mailbox; empty: not given */
	bool smtputf8;
	bool verp;   /* VERP, or XVERP[=Courier] */
	bool exdata; /* EXDATA or XEXDATA: the end of the text may be answered for each recipient */
	bool prdr;   /* the same in the form of PRDR */
	bool requiretls;
	struct str security; /* SECURITY= or XSECURITY=: "STARTTLS"; empty: NONE, or not given */
	struct smtp_by by;
	int64_t hold_for;   /* HOLDFOR=, seconds; 0: not given */
	int64_t hold_until; /* HOLDUNTIL=, epoch seconds; 0: not given */
};

enum smtp_notify {
	SMTP_NOTIFY_SUCCESS = 1,
	SMTP_NOTIFY_FAILURE = 2,
	SMTP_NOTIFY_DELAY = 4,
	SMTP_NOTIFY_NEVER = 8,
};

struct smtp_rcpt {
	struct mailpath path;
	struct str address; /* local@domain; "postmaster" may stand alone */
	uint8_t notify;     /* SMTP_NOTIFY_* bits; 0: not given */
	struct str orcpt;   /* "type;address", decoded; empty: not given */
};

/* The arguments of MAIL and RCPT.  SMTP_R_NONE when they are good, else the reply to give. */
enum smtp_reply_id smtp_mail_parse(
    struct arena *a, struct str args, unsigned ext, struct smtp_mail *out);
/* utf8: SMTPUTF8 was said in MAIL. */
enum smtp_reply_id smtp_rcpt_parse(
    struct arena *a, struct str args, unsigned ext, bool utf8, struct smtp_rcpt *out);
/* The argument of HELO and EHLO: a domain, an address literal, or what unfortunate hosts call
 * themselves, as long as it is one word that can't harm a Received header. */
bool smtp_helo_ok(struct str name);
/* The argument of VRFY and EXPN, without <> around it. */
enum smtp_reply_id smtp_vrfy_parse(
    struct arena *a, struct str args, bool *utf8, struct str *address);
/* The arguments of AUTH.  *initial: decoded; .p is NULL when there is none ("=": empty). */
enum smtp_reply_id smtp_auth_parse(
    struct arena *a, struct str args, struct str *mechanism, struct str *initial);

/* The arguments of BDAT: SIZE [LAST] (RFC 3030, section 2). */
struct smtp_chunk {
	uint64_t size;
	bool last;
};
enum smtp_reply_id smtp_bdat_parse(struct str args, struct smtp_chunk *out);

/* ---- message text --------------------------------------------------------------------------- */

/*
 * Reads what follows DATA: takes the dots out, turns CRLF into LF, finds the end.  Only
 * CRLF.CRLF ends it.  A CR or LF that stands alone makes the message bad (`bare`): the rest is read
 * up to the end and given to nobody, and the answer is SMTP_R_BARE_DATA.
 */
struct smtp_data {
	uint8_t state;
	bool bare;
	bool done;
	uint64_t size; /* octets of the text, line ends counted as two, without the dots */
};
void smtp_data_init(struct smtp_data *d);
/* Reads from in; writes to out, which has room for in.n bytes and may be in.p itself.  Returns the
 * bytes taken: fewer than in.n only when `done` was set.  *n: bytes written. */
size_t smtp_data_feed(struct smtp_data *d, struct str in, char *out, size_t *n);

/*
 * The text inside chunks, where no dot has a meaning: CRLF becomes LF, and a CR or LF that stands
 * alone makes the text bad.  A CR at the end of a chunk waits for the next one; smtp_chunks_end
 * says what is left after the last.
 */
struct smtp_chunks {
	bool cr, bare;
	uint64_t size; /* octets as they came */
};
/* out: room for in.n + 1 bytes, not in.p.  Returns the bytes written. */
size_t smtp_chunks_feed(struct smtp_chunks *c, struct str in, char *out);
void smtp_chunks_end(struct smtp_chunks *c);

/*
 * The way out: text with LF line ends becomes what is sent behind DATA.  Dots are doubled, a CR
 * that is not before LF becomes a blank (so nothing of ours can smuggle), a last line without its
 * end gets one.
 */
struct smtp_stuff {
	bool inside; /* not at the start of a line */
	bool cr;     /* a CR is held back */
};
void smtp_stuff_init(struct smtp_stuff *s);
/* Adds to out; at most 2 * in.n + 2 bytes.  False when out is full. */
bool smtp_stuff_feed(struct smtp_stuff *s, struct str in, struct buf *out);
bool smtp_stuff_end(struct smtp_stuff *s, struct buf *out); /* last line end and the dot */

#endif
