/* Tokens of structured fields (RFC 5322, 3.2), shared by the sources of this library. */
#ifndef COURIER_RFC822_MAILADDR_PRIVATE_H
#define COURIER_RFC822_MAILADDR_PRIVATE_H

#include "rfc822/rfc822.h"

enum token_kind {
	TOKEN_END,
	TOKEN_ATOM,
	TOKEN_QUOTED,  /* raw includes the quotes */
	TOKEN_LITERAL, /* raw includes the brackets */
	TOKEN_SPECIAL, /* one of < > : ; @ , . */
};

struct token {
	enum token_kind kind;
	char c;   /* TOKEN_SPECIAL */
	bool gap; /* blanks or a comment stood before it */
	struct str raw;
};

struct lexer {
	struct str in;
	size_t at;
	struct str comment; /* the last one seen, without its outer parentheses */
	bool malformed;     /* something unclosed, stray or a control character */
	bool limit;         /* comments nested too deep: the end */
};

void lexer_next(struct lexer *lx, struct token *t);
/* Adds what the token means: quotes, backslashes and line ends taken away. */
bool token_text(const struct token *t, struct buf *out);
/* The same for a comment; runs of blanks become one. */
bool comment_text(struct str raw, struct buf *out);

/* atext of RFC 5322 and 6532: what may stand in an atom. */
bool atom_char(unsigned char c);

#endif
