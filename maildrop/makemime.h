/*
 * makemime's work as a tree: every input of a section or collection is a file, a descriptor or
 * another piece of work.
 */
#ifndef COURIER_MAILDROP_MAKEMIME_H
#define COURIER_MAILDROP_MAKEMIME_H

#include "mime/mime.h"

enum { MAKEMIME_INPUT_MAX = 1 << 30, MAKEMIME_DEPTH_MAX = 100, MAKEMIME_WORDS_MAX = 100000 };

struct source {
	struct piece *piece; /* or NULL: */
	const char *file;    /* "-" and "&N" are descriptors */
};

struct piece {
	char kind;        /* 'c' a section, 'm' a collection, 'j' one that gets a further section */
	const char *type; /* of c and m */
	const char *encoding; /* NULL: what fits */
	const char *charset, *name, *output;
	VEC(const char *) fields; /* of -a, as they are */
	struct source in[2];      /* the second one: of j */
};

/* The arguments, or those in the file of a first argument "@FILE".  Ends the program, with a word,
 * when they make no sense.  makemime-words.c */
struct piece *makemime_words(int argc, char **argv);
/* What a source holds: views stay good to the end of the program. */
struct str makemime_read(const char *file);
_Noreturn void makemime_refuse(const char *why, const char *what);
_Noreturn void makemime_fail(const char *what);

#endif
