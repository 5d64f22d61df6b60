/*
 * The text of one message of the selected folder, read as far as it is needed: nothing, the header,
 * or all of it (large ones are mapped).  Structure is parsed when asked for.
 */
#ifndef COURIER_IMAPD_MESSAGE_H
#define COURIER_IMAPD_MESSAGE_H

#include "imapd/session.h"
#include "mime/mime.h"
#include "rfc822/rfc822.h"

enum {
	MESSAGE_HEAD = 16384,       /* bytes read at first when the header is wanted */
	MESSAGE_MAP_FROM = 1 << 20, /* larger files are mapped, smaller ones read */
};

struct message {
	struct session *s;
	size_t index;
	struct arena *arena; /* for what is parsed out of this message */
	int fd;
	struct stat st;
	struct buf buffer; /* kept from message to message */
	char *map;
	struct str text; /* what was read so far, from the start */
	bool whole;      /* text is all of it */
	bool parsed;
	struct mime_result mime;
};

void message_init(struct message *m, struct session *s);
void message_free(struct message *m);
/* Forgets the one before.  Nothing is opened yet. */
void message_start(struct message *m, size_t index);

/* 0, or -1 with errno (ENOENT: gone). */
int message_stat(struct message *m);
int message_header(struct message *m, struct str *block); /* without the empty line */
int message_all(struct message *m);
const struct mime_part *message_mime(struct message *m); /* NULL: errno */
uint64_t message_size(const struct message *m);          /* with CRLF; after message_all */

/* ENVELOPE of a header block, BODY or BODYSTRUCTURE of a part, added to out (strings.c). */
void envelope_add(struct session *s, struct arena *a, struct str block, struct buf *out);
void structure_add(struct message *m, const struct mime_part *p, bool extended, struct buf *out);

#endif
