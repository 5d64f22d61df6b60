/*
 * What is said to another IMAP or POP3 server to log in there (RFC 3501, RFC 1939, 2449, 2595): one
 * line of its in, one thing to do out.  No sockets, no clock.
 *
 *	greeting -> capabilities -> [TLS -> capabilities] -> login -> [capabilities] -> in
 */
#ifndef COURIER_LOGIN_BACK_TALK_H
#define COURIER_LOGIN_BACK_TALK_H

#include "base/base.h"

enum {
	BACK_LINE_MAX = 8192, /* bytes of a line of the other server */
	BACK_LINES_MAX = 200, /* lines it may take to let us in */
};

enum back_tls {
	BACK_TLS_NO,
	BACK_TLS_OFFERED,  /* when the server has it; whose certificate does not matter */
	BACK_TLS_REQUIRED, /* the same, and no password without it */
	BACK_TLS_VERIFY,   /* besides, the certificate is checked */
};
/* "no", "offered", "required", "verify". */
bool back_tls_parse(struct str word, enum back_tls *out);

enum back_do {
	BACK_WAIT,  /* for the next line; first send what is in `say`, if anything */
	BACK_TLS,   /* start TLS, then call back_talk_secure */
	BACK_IN,    /* logged in: everything from now on is the client's */
	BACK_NO,    /* the server does not take the password */
	BACK_FAULT, /* anything else; `why` tells */
};

enum back_state {
	BACK_GREETING,
	BACK_CAPABILITY,
	BACK_STARTTLS,
	BACK_UTF8, /* POP3: the client has said so, and it must know, too */
	BACK_USER, /* its literal, or POP3's USER */
	BACK_PASSWORD,
	BACK_LOGIN,
	BACK_FOREIGN,
	BACK_OVER,
};

struct back_talk {
	bool imap, foreign; /* foreign: ask what the server can do once we are in */
	bool utf8;          /* POP3: the client has said UTF8 */
	enum back_tls tls;
	struct str user, password; /* the caller's, until the end */
	/* its own */
	enum back_state state;
	bool secure, starttls, disabled, knows_utf8;
	unsigned lines;
	struct buf say;        /* what to send, the caller clears it */
	struct buf capability; /* IMAP: what the server can do now that we are in; or empty */
	const char *why;
};

void back_talk_init(struct back_talk *t, bool imap, struct str user, struct str password);
void back_talk_free(struct back_talk *t); /* wipes what held the password */
enum back_do back_talk_line(struct back_talk *t, struct str line);
enum back_do back_talk_secure(struct back_talk *t);

/* Where a mailbox is. */
enum mailhost { MAILHOST_HERE, MAILHOST_THERE, MAILHOST_NO_PASSWORD };
struct mailhost_facts {
	bool proxy;         /* the setting IMAP_PROXY or POP3_PROXY */
	struct str options; /* the account's */
	struct str own;     /* what this host is called */
	bool password;      /* it is known */
};
/* *host: the option mailhost, within options. */
enum mailhost mailhost_decide(const struct mailhost_facts *f, struct str *host);

#endif
