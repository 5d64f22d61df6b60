/*
 * The language of ~/.forward files (dotforward(1)), turned into that of .courier files.  Pure.
 */
#ifndef COURIER_LOCAL_FORWARD_FILE_H
#define COURIER_LOCAL_FORWARD_FILE_H

#include "base/base.h"

enum {
	FORWARD_FILE_MAX = 64 * 1024, /* bytes of a .forward file */
	FORWARD_HEADER_MAX = 1024 * 1024,
};

struct forward_facts {
	struct str own;    /* the address of this delivery; empty: unknown */
	struct str header; /* the message's header, whose Delivered-To lines count */
};

/*
 * Adds instructions to out, one a line.  *own: the account's own address was listed, so that
 * mail is to be delivered here too.  NULL, or what is wrong with the file (static text).
 */
const char *forward_convert(
    struct str file, const struct forward_facts *f, struct arena *a, struct buf *out, bool *own);

#endif
