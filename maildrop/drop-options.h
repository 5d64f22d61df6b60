/* The command line of maildrop(1). */
#ifndef COURIER_MAILDROP_DROP_OPTIONS_H
#define COURIER_MAILDROP_DROP_OPTIONS_H

#include "base/base.h"

struct drop_options {
	bool must_auth, embedded, why;
	const char *user, *ids, *from;
	const char *filter; /* -M */
	const char *file;   /* manual mode */
	const char *warn_file;
	int warn_percent; /* -1 */
	int verbose;
	struct buf headers;
	char **arguments; /* what is left */
};

/* NULL: fine.  Else what is wrong.  Prints and ends for -h, -v and options that are not known. */
const char *drop_options_read(int argc, char **argv, struct drop_options *o);

#endif
