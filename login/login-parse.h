/* The pure part of the front: IMAP's commands before the login (RFC 3501, section 9; RFC 7888). */
#ifndef COURIER_LOGIN_PARSE_H
#define COURIER_LOGIN_PARSE_H

#include "base/base.h"

enum { LOGIN_LITERAL_MAX = 8192 }; /* bytes: a user name or password */

/*
 * Length of the command at the start of in, with its literals, without the final line end, whose
 * size is in *end.  0: more is needed (or an empty line, when *end was set); *ask: the client waits
 * for a "+" before its literal.  -1: a literal larger than LOGIN_LITERAL_MAX.
 */
ptrdiff_t login_command_length(struct str in, size_t *end, bool *ask);

/* What is left of a command. */
struct login_words {
	struct str rest;
	char *room; /* at least rest.n bytes: unescaped strings live there */
};

/* A blank and an astring; *out is a view into the command or the room. */
bool login_astring(struct login_words *w, struct str *out);
bool login_tag_ok(struct str tag);

#endif
