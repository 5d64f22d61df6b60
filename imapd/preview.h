/* The beginning of a text as a list of messages shows it (RFC 8970).  Pure. */
#ifndef COURIER_IMAPD_PREVIEW_H
#define COURIER_IMAPD_PREVIEW_H

#include "base/base.h"

enum {
	PREVIEW_CHARS = 200,
	PREVIEW_LOOK_AT = 65536, /* bytes of a part's encoded text */
};

/* Adds at most PREVIEW_CHARS characters of a text, valid UTF-8 of it: white space becomes single
 * blanks; quoted lines, and of HTML the tags, styles, scripts and comments, are left out. */
void preview_text(struct str utf8, bool html, struct buf *out);

#endif
