/*
 * File names of messages: BASE[:2,LETTERS].  The base is the identity of a message; it may carry
 * its size as ",S=<bytes>".  Pure functions.
 */
#ifndef COURIER_MAILDIR_NAME_H
#define COURIER_MAILDIR_NAME_H

#include "base/str.h"

enum maildir_flag {
	MAILDIR_DRAFT = 1,
	MAILDIR_FLAGGED = 2,
	MAILDIR_REPLIED = 4,
	MAILDIR_SEEN = 8,
	MAILDIR_TRASHED = 16,
};

enum {
	MAILDIR_NAME_MAX = 255,  /* of a file name, NUL not counted */
	MAILDIR_HOST_MAX = 64,   /* of the host in a name; longer host names are cut */
	MAILDIR_LETTERS_MAX = 60 /* letters after ":2," */
};

struct maildir_name {
	struct str base;    /* before ":" */
	struct str letters; /* after ":2,", all of them; empty when there are none */
	unsigned flags;     /* enum maildir_flag of the letters we know */
	bool has_size;
	uint64_t size; /* bytes of the file, when the name tells */
};

/* False for what is no message's name (empty, leading dot, too long, "/" or a control byte). */
bool maildir_name_parse(struct str file, struct maildir_name *out);

unsigned maildir_flags_of(struct str letters);
/* The letters of `old` that we do not know, and those of `flags`, in ASCII order. */
void maildir_flags_letters(unsigned flags, struct str old, char out[MAILDIR_LETTERS_MAX + 1]);

/* Order in which messages without UID get one: by leading seconds, then bytewise. */
int maildir_name_cmp(struct str a, struct str b);

/* A part of a folder's name as it may stand on disk: not empty, valid UTF-8, no "/", "." or
 * control character. */
bool maildir_folder_part_ok(struct str part);
/* "Foo.Bar": every part as above, at most MAILDIR_NAME_MAX - 1 bytes. */
bool maildir_folder_ok(struct str folder);

/* This host's name as it stands in file names: HOSTNAME or the system's, "/" and ":" escaped. */
const char *maildir_host(void);

#endif
