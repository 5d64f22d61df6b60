/*
 * What the gate says to a filter, and what it hears: pure functions.
 *
 *	DATAFILE LF  CONTROLFILE LF (one or more)  LF          the request
 *	ddd-text LF ... ddd text LF, then the end              the verdict: 2 take, 4 later, 5
 *refuse
 */
#ifndef COURIER_FILTERS_FILTER_REQUEST_H
#define COURIER_FILTERS_FILTER_REQUEST_H

#include "base/base.h"

enum {
	FILTER_PATH_MAX = 4095,
	FILTER_CONTROLS_MAX = 1024, /* control files of one message */
	FILTER_REQUEST_MAX = 512 * 1024,
	FILTER_REPLY_LINES_MAX = 50,
	FILTER_REPLY_LINE_MAX = 500,
	FILTER_REPLY_MAX = 64 * 1024,
};

struct filter_paths {
	const char *data;
	const char **controls; /* n of them, at least one */
	size_t n;
};

enum filter_parse {
	FILTER_MORE,  /* the empty line has not come yet */
	FILTER_READY, /* *out is set; strings are in the arena */
	FILTER_BAD,   /* it is no request; *why tells (static text) */
};
enum filter_parse filter_request_parse(
    struct arena *a, struct str in, struct filter_paths *out, const char **why);

/* A verdict.  text may have several lines, parted by LF; each gets the code and, when not empty,
 * the enhanced code.  Control bytes become blanks, long lines are cut.  A code outside 200..599
 * becomes 451: nothing that a filter gets wrong may look like yes. */
void filter_reply_put(struct buf *out, unsigned code, struct str enhanced, struct str text);

#endif
