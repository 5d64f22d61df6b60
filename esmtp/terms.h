/*
 * What a message demands of the next host beside a session that takes mail.  Pure.
 */
#ifndef COURIER_ESMTP_TERMS_H
#define COURIER_ESMTP_TERMS_H

#include "base/base.h"

struct terms {
	/* the message */
	bool needs_utf8; /* SMTPUTF8: an address, or a header whose author wants it so */
	uint64_t size;
	int64_t by; /* RFC 2852; epoch seconds */
	char by_mode;
	/* the server */
	bool knows_utf8, knows_deliverby;
	uint64_t size_max; /* 0: it does not say */
	int64_t by_min;    /* the shortest time that it takes; 0: any */
	int64_t now;
};

/* NULL: it may have it.  Else why not, for good, and *status. */
const char *terms_refusal(const struct terms *t, const char **status);

/* "RCPTMAX=100 MAILMAX=10" (RFC 9422); what is not said, not a number, or 0 stays as it was. */
struct peer_limits {
	uint32_t rcpts, mails; /* 0: none */
};
void peer_limits_read(struct str words, struct peer_limits *out);

#endif
