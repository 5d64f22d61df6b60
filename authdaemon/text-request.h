/*
 * The original's protocol on authdaemond's socket, one request a connection:
 *
 *	[NAME=value LF]...                              facts about the client, TCPREMOTEIP=...
 *	PRE module service user LF
 *	AUTH n LF, then n bytes: service LF type LF, and by type
 *	    login:                             user LF password [LF]
 *	    cram-md5, cram-sha1, cram-sha256:  challenge LF response [LF], both in base64
 *	PASSWD service TAB user TAB old TAB new [TAB] LF
 *	ENUMERATE LF
 *
 * Answers are ATTRIBUTE=value lines and a line "."; "FAIL" for a no; nothing at all when it can't
 *be told.
 */
#ifndef COURIER_AUTHDAEMON_TEXT_REQUEST_H
#define COURIER_AUTHDAEMON_TEXT_REQUEST_H

#include "base/base.h"

enum { TEXT_REQUEST_MAX = 16 * 1024, TEXT_FACTS_MAX = 32 };

enum text_kind { TEXT_PRE, TEXT_AUTH, TEXT_PASSWD, TEXT_ENUMERATE };

struct text_request { /* views into the input */
	enum text_kind kind;
	struct str module, service, user;
	struct str type;                /* AUTH */
	struct str password;            /* AUTH login; PASSWD: the old one */
	struct str new_password;        /* PASSWD */
	struct str challenge, response; /* AUTH cram-*: still in base64 */
	struct str peer;                /* TCPREMOTEIP */
};

/* Pure.  1: whole; 0: more must come; -1: this is no request. */
int text_parse(struct str in, struct text_request *r);
/* One ATTRIBUTE=value line; a value with a line end in it is left out. */
void text_attribute(struct buf *out, const char *name, struct str value);

#endif
