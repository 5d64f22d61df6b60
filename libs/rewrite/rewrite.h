/*
 * libs/rewrite: what happens to a message's header on its way in.
 *
 * Pure functions: a header block (all fields, without the empty line; LF or CRLF) goes in, a new
 * one comes out, in the caller's arena; what does not change stays byte for byte.  When nothing
 * changes the input itself is returned.  `int` results: 0, or -1 when the arena is full.
 */
#ifndef COURIER_REWRITE_H
#define COURIER_REWRITE_H

#include "rfc822/rfc822.h"

/* ---- addresses ------------------------------------------------------------------------------- */

struct rewrite {
	/* Changes *local and *domain (unquoted; domain is empty for a bare name) in place: 1, or 0
	 * when they are to stay as they are, or -1 (no memory). */
	int (*map)(void *ctx, struct arena *a, struct str *local, struct str *domain);
	void *ctx;
	bool drop_angles;     /* "<x@d>" without a name becomes "x@d", as the original does */
	size_t max_addresses; /* of one field, 0: MAILADDR_MAX_DEFAULT; longer ones stay */
};

/* Maps the addresses in From, Sender, Reply-To, To, Cc, Bcc and their Resent- forms.  In a field
 * that changes only the addresses themselves are replaced, and names, comments and folding stay.
 * Groups' names and empty addresses are not shown to the map; a field that is not well-formed
 * stays as it is. */
int rewrite_header(struct arena *a, struct str header, const struct rewrite *rw, struct str *out);

/* The map for canonical form: domains in lower case (and NFC), bare names get the default domain
 * unless there is a "!" in them (uucp), user@[own address] becomes user@me. */
struct rewrite_canonical {
	struct str default_domain;  /* empty: bare names stay */
	struct str me;              /* the name of this host; empty: literals stay */
	const struct str *literals; /* own addresses as text, without brackets and "IPv6:" */
	size_t literal_count;
};
int rewrite_canonical(void *canonical, struct arena *a, struct str *local, struct str *domain);

/* ---- bang paths (UUCP) ----------------------------------------------------------------------- */

struct rewrite_bang {
	struct str me;   /* the name that neighbours know this node by */
	struct str node; /* out: the path that the mail goes to; addresses behind it lose it */
	bool (*own)(void *ctx, struct str domain); /* a domain of this system */
	void *ctx;
};
/* How nodes beyond name an address: me!user for one of this system, me!domain!user for others, what
 * is behind `node` by itself.  .p NULL: no memory. */
struct str bang_path(
    struct arena *a, const struct rewrite_bang *b, struct str local, struct str domain);
/* The way back: "me!" at the front is dropped; what then begins with a domain's name is
 * user@domain; everything else stays a path (*domain empty). */
void bang_address(
    const struct rewrite_bang *b, struct str path, struct str *local, struct str *domain);
/* Both as maps for rewrite_header.  In: only what has no domain, or one of this system's. */
int rewrite_bang_out(void *bang, struct arena *a, struct str *local, struct str *domain);
int rewrite_bang_in(void *bang, struct arena *a, struct str *local, struct str *domain);

/* ---- fields ---------------------------------------------------------------------------------- */

struct rewrite_field {
	const char *name;   /* compared without case */
	const char *rename; /* NULL: the field is dropped */
};
/* Drops Bcc, makes Return-Path Old-Return-Path, ... */
int rewrite_fields(struct arena *a, struct str header, const struct rewrite_field *fields, size_t n,
    struct str *out);

/* ---- facts ----------------------------------------------------------------------------------- */

struct header_facts {
	bool has_date, has_msgid, has_from, has_sender, has_to, has_cc, has_bcc, has_return_path;
	bool has_resent;    /* any Resent- field */
	bool has_recipient; /* To, Cc, Bcc or their Resent- forms */
	bool has_mime_version, has_type;
	bool has_dkim;            /* a DKIM-Signature */
	bool has_8bit;            /* bytes beyond ASCII */
	bool not_utf8;            /* ... which are not UTF-8 */
	unsigned from_count;      /* fields of that name: more than one is suspect */
	unsigned received;        /* Received fields: hops so far */
	unsigned junk;            /* lines that are no field; not the "From " of an mbox */
	struct str message_id;    /* of the first Message-ID, without brackets; empty: none */
	struct str *delivered_to; /* bodies of Delivered-To, trimmed */
	size_t delivered_to_count;
	size_t bytes;
};

enum { HEADER_FACTS_DELIVERED_TO_MAX = 1000 }; /* further ones are not kept: a loop anyway */

int header_facts_read(struct arena *a, struct str header, struct header_facts *out);
/* The address is among Delivered-To: local parts compare by bytes, domains in canonical form. */
bool header_facts_delivered_to(struct arena *a, const struct header_facts *f, struct str address);

/* What is to be added when it is missing; an empty member is not added.  Values are without line
 * end; message_id without brackets. */
struct header_defaults {
	struct str date, message_id, from;
	bool to; /* "To: undisclosed-recipients: ;" when no field names a recipient */
	const char *eol;
};
bool header_add_missing(
    struct buf *out, const struct header_facts *f, const struct header_defaults *d);

/* The "From " line that mbox files put before a message: none of its fields. */
static inline bool header_is_mbox_line(const struct header_field *f)
{
	return f->name.n == 0 && str_starts(f->raw, STR("From "));
}

/* The recipients a header names, for `sendmail -t`: those of Resent-To, -Cc and -Bcc when the first
 * Resent- fields name any, else To, Cc and Bcc.  `max` bounds them all together (out->limit). */
int header_recipients(struct arena *a, struct str header, size_t max, struct mailaddr_list *out);

#endif
