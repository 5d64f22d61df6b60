/*
 * The header of a message on its way in: what is added, renamed, completed.
 *
 * Pure: the header block and the facts give the new block or a refusal.  Fields that need no change
 * stay byte for byte as they came, so signatures over them stay good.
 */
#ifndef COURIER_SUBMIT_HEADER_H
#define COURIER_SUBMIT_HEADER_H

#include "base/base.h"

enum header_rewrite { /* NOADDRREWRITE */
	HEADER_REWRITE,
	HEADER_NO_REWRITE,
	HEADER_NO_REWRITE_SIGNED, /* not when a DKIM-Signature is there */
};

struct header_job {
	struct str me, defaultdomain, msgidhost;
	struct str id; /* queue id */
	int64_t now;
	/* For Received.  Empty values are left out. */
	struct str from_text; /* "helo (host [ip])" by a trusted program, in place of the rest */
	struct str helo, remote_host, remote_ip; /* remote_ip empty: not from the network */
	struct str remote_info;                  /* what a balancer in front has said */
	struct str login, tls, with, sender_id;
	struct str only_rcpt; /* the recipient when there is but one */
	/* Policy. */
	/* Another map for addresses in the header than rewrite_canonical; NULL: that. */
	int (*map)(void *ctx, struct arena *a, struct str *local, struct str *domain);
	void *map_ctx;
	struct str from_node; /* not from the network, but from this node */
	bool local;           /* submitted on this machine: bare addresses get the default domain */
	bool add_date, add_msgid;
	bool drop_bcc; /* from somebody who has logged in: what his program has left over */
	enum header_rewrite rewrite;
	unsigned received_max;
	bool keep_results; /* Authentication-Results of others keep their name, unless one uses ours
			    */
	bool add_mime;     /* the body has 8-bit bytes and nothing says so: call it UTF-8 text */
};

enum header_verdict {
	HEADER_OK,
	HEADER_LOOP, /* more than received_max Received fields */
	HEADER_FULL, /* out or the arena is full */
};

/* block: without the empty line; out gets the new block with the empty line. */
enum header_verdict header_process(
    struct arena *a, struct str block, const struct header_job *f, struct buf *out);

/* "courier.TTTT.PPPP@host" of a queue id. */
bool header_msgid(struct str id, struct str host, struct buf *out);
/* Whether a header block says what its body is (has MIME-Version or Content-Type). */
bool header_has_mime(struct str block);
/* A line that is no field. */
bool header_has_junk(struct str block);

#endif
