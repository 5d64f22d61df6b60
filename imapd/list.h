/*
 * What LIST asks for (RFC 3501, 6.3.8; LIST-EXTENDED, RFC 5258; LIST-STATUS, RFC 5819; SPECIAL-USE,
 * RFC 6154).  Parsing is pure.
 */
#ifndef COURIER_IMAPD_LIST_H
#define COURIER_IMAPD_LIST_H

#include "imapd/parse.h"

enum list_option { /* of selection and of return */
	LIST_SUBSCRIBED = 1,
	LIST_REMOTE = 2, /* there are no others than ours: no difference */
	LIST_RECURSIVE = 4,
	LIST_SPECIAL = 8,
	LIST_CHILDREN = 16,
	LIST_STATUS = 32,
};

enum { LIST_PATTERNS_MAX = 32 };

struct list_request {
	bool extended;        /* a form that RFC 3501 does not have */
	unsigned select, ret; /* enum list_option */
	unsigned status;      /* enum status_item, with LIST_STATUS */
	struct str reference;
	struct str *patterns;
	size_t n;
};

/* [(selection)] reference pattern-or-patterns [RETURN (...)], to the end of the command. */
bool list_parse(struct parser *p, struct list_request *out);
/* "(USE (\Drafts \Sent))" of CREATE: the words without backslash, at most max. */
bool use_parse(struct parser *p, struct str *uses, size_t max, size_t *n);

#endif
