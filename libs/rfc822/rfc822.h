/*
 * libs/rfc822: the text of message headers (RFC 5322, with RFC 6532 for UTF-8) and mailboxes as
 * SMTP writes them (RFC 5321).
 *
 * Everything here is a pure function over bytes: no file, socket, locale or global; jailed
 * processes may call all of it.  Input is taken as it comes from outside: any byte, lines ended by
 * LF or CRLF.  Results are views into the input where possible and live in the caller's arena
 * otherwise, so input and arena must outlive them.  Time is linear in the input, whatever it holds.
 */
#ifndef COURIER_RFC822_H
#define COURIER_RFC822_H

#include "base/base.h"

/* ---- header fields -------------------------------------------------------------------------- */

struct header_field {
	struct str name; /* without colon; empty when the line is no field at all (junk) */
	struct str body; /* behind the colon, folded as it stands, without the last line end */
	struct str raw;  /* the whole field with its line ends */
};

/* Length of the header block at the start of a message: without the empty line.  *body, when not
 * NULL, gets the offset behind the empty line (the message's length when there is none). */
size_t header_length(struct str message, size_t *body);

/* Cuts the next field off *rest; false at the end (or at an empty line, which stays in *rest).
 * The raw views of all fields, one behind the other, are the block. */
bool header_next(struct str *rest, struct header_field *f);
/* The same, skipping what is not called `name` (compared without case). */
bool header_next_named(struct str *rest, const char *name, struct header_field *f);
/* First field of that name in the block. */
bool header_find(struct str block, const char *name, struct header_field *f);

/* The body on one line: line ends taken out, blanks at both ends cut, blanks inside kept.  No copy
 * when there is nothing to take out.  .p is NULL when the arena is full. */
struct str header_unfold(struct arena *a, struct str body);

/* Behind the comment that begins at s.p[at] (RFC 5322, 3.2.2: they nest), or s.n; *whole says
 * whether its last parenthesis is there. */
size_t comment_end(struct str s, size_t at, bool *whole);

/* ---- address lists (RFC 5322, 3.4 and 4.4) --------------------------------------------------- */

enum mailaddr_kind {
	MAILADDR_MAILBOX,
	MAILADDR_GROUP_BEGIN, /* `name` is the group's; its members follow */
	MAILADDR_GROUP_END,
};

struct mailaddr {
	struct mailaddr *next;
	enum mailaddr_kind kind;
	bool name_quoted;   /* a quoted string was part of `name`: "=?" in it means nothing */
	struct str name;    /* display name: unquoted, words parted by one blank; RFC 2047 words as
			       they are */
	struct str comment; /* text of the last comment, for `user@host (Real Name)` */
	struct str local;   /* unquoted; empty for `<>` */
	struct str domain;  /* without blanks and comments; "[...]" for literals; empty when bare */
	struct str route;   /* obsolete source route without its colon: "@a,@b" */
	struct str spec;    /* where local@domain stands in the input (empty for `<>`) */
	struct str angle;   /* where "<...>" stands in the input; empty when there is none */
};

struct mailaddr_list {
	struct mailaddr *first;
	size_t mailboxes; /* how many MAILADDR_MAILBOX are in the list */
	bool malformed;   /* something was not understood; what could be read is in the list */
	bool limit;       /* stopped at a limit; what came before is in the list */
};

enum {
	MAILADDR_MAX_DEFAULT = 10000, /* mailboxes and groups in one field */
	MAILADDR_COMMENT_DEPTH = 100, /* nested comments */
};

/* Reads the body of a To, From, ... field, or an address typed by a user.  `max` bounds mailboxes
 * and groups.  0, or -1 when the arena is full. */
int mailaddr_parse(struct arena *a, struct str body, size_t max, struct mailaddr_list *out);

/* A single mailbox and nothing else (a group, a list, junk: false). */
bool mailaddr_parse_one(struct arena *a, struct str text, struct mailaddr *out);

/* local@domain, the local part quoted when it must be; without the @ when domain is empty. */
bool mailaddr_print_spec(struct buf *out, struct str local, struct str domain);
/* One mailbox or the text of a group border, as it stands in a header. */
bool mailaddr_print(struct buf *out, const struct mailaddr *m);
/* The list behind "Name:" (name without colon), folded before it passes 76 columns where it can
 * be, lines ended by eol ("\n" or "\r\n"), the last one too. */
bool mailaddr_print_field(
    struct buf *out, const char *name, const struct mailaddr *first, const char *eol);
/* A display name: as atoms, or quoted when it must be. */
bool mailaddr_print_phrase(struct buf *out, struct str name);

/* ---- SMTP paths (RFC 5321, 4.1.2; RFC 6531) ------------------------------------------------- */

enum mailpath_flags {
	MAILPATH_NULL = 1,     /* <> may stand here */
	MAILPATH_BARE = 2,     /* a local part without domain may stand here (<postmaster>) */
	MAILPATH_UTF8 = 4,     /* SMTPUTF8 was said: UTF-8 in both parts */
	MAILPATH_NO_ANGLE = 8, /* the text is the mailbox alone, up to its end */
};

enum mailpath_error {
	MAILPATH_OK,
	MAILPATH_SYNTAX,
	MAILPATH_TOO_LONG,   /* MAILPATH_*_MAX */
	MAILPATH_NEEDS_UTF8, /* would be good if MAILPATH_UTF8 were set */
	MAILPATH_NO_DOMAIN,
	MAILPATH_NO_MEMORY,
};

enum {
	MAILPATH_LOCAL_MAX = 255,  /* octets; RFC 5321 wants 64 at least, and VERP needs more */
	MAILPATH_DOMAIN_MAX = 255, /* 4.5.3.1.2 */
	MAILPATH_ROUTE_MAX = 1000, /* a source route is skipped up to here */
};

struct mailpath {
	struct str local;  /* unquoted; empty for <> */
	struct str domain; /* as written; "[...]" for literals, whose content is checked */
	bool utf8;         /* bytes beyond ASCII were in it */
	bool literal;
};

/* Reads a path at the start of *rest and cuts it off; what follows `>` stays.  Source routes are
 * read and ignored, as RFC 5321 (appendix C) asks. */
enum mailpath_error mailpath_parse(
    struct arena *a, struct str *rest, unsigned flags, struct mailpath *out);

/* A domain as SMTP wants it: labels of letters, digits, hyphens (underscores pass, since they
 * exist), each 1..63 octets; UTF-8 labels when asked. */
bool mailpath_domain_ok(struct str domain, bool utf8);
/* [127.0.0.1], [IPv6:::1]; *ip gets the address's text without prefix. */
bool mailpath_literal_ok(struct str domain, struct str *ip);

/* ---- dates (RFC 5322, 3.3 and 4.3) ---------------------------------------------------------- */

struct maildate {
	int64_t epoch;   /* seconds, UTC */
	int zone;        /* minutes east of Greenwich */
	bool zone_known; /* false for -0000 and unknown names (taken as UTC) */
};

/* Comments, missing seconds, missing or wrong day names, two- and three-digit years and named
 * zones are understood.  A date that does not exist (31 June, 25 o'clock) is refused; second 60
 * becomes 59. */
bool maildate_parse(struct str text, struct maildate *out);

/* ---- message ids and subjects ---------------------------------------------------------------- */

enum { MSGID_MAX = 998 }; /* octets of one id */

/* Cuts the next <id> off *rest and gives it without brackets, blanks and comments, with quoted
 * parts unquoted where RFC 5256 calls them equal; false at the end.  For In-Reply-To and
 * References: text between ids is skipped.  Ids that are too long or broken are skipped. */
bool msgid_next(struct arena *a, struct str *rest, struct str *id);

/* RFC 5256, 2.1: the subject (decoded to UTF-8, on one line) without "Re:", "Fwd:", "[blobs]" and
 * "(fwd)".  *reply, when not NULL, says that something of that kind was taken off. */
struct str subject_base(struct arena *a, struct str subject, bool *reply);

/* ---- variable envelope return paths --------------------------------------------------------- */

/*
 * The sender for one recipient, from which a bounce tells the address that failed (VERP, the
 * original's draft): sl@sd and rl@rd give sl-RL=RD@sd, where each of "@:%!-[]+" is "+" and its two
 * hexadecimal digits in RL and RD.  A sender or recipient without domain: the sender as it is.
 */
bool verp_encode(struct str sender, struct str recipient, struct buf *out);
/* Back again, with digits of either case; false when it is no such address (what the buffers hold
 * then means nothing). */
bool verp_decode(struct str address, struct buf *sender, struct buf *recipient);

#endif
