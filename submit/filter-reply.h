/*
 * What filters say: the reply of a global filter on its socket, and the output of a program that a
 * mailbox's owner has written.  Pure.
 */
#ifndef COURIER_SUBMIT_FILTER_REPLY_H
#define COURIER_SUBMIT_FILTER_REPLY_H

#include "gate/gate.h"

enum {
	FILTER_REPLY_MAX = 16 * 1024, /* bytes of a whole reply */
	FILTER_REPLY_LINES = 100,
	FILTER_REPLY_LINE = 480, /* bytes of a line that are passed on */
};

enum filter_reply_state {
	FILTER_REPLY_MORE, /* not all of it is here */
	FILTER_REPLY_DONE,
	FILTER_REPLY_BAD, /* none that can be understood: a fault of the filter */
};

/*
 * in: all that has come so far; end: nothing will follow.  On DONE *out has a code of 2xx, 4xx or
 * 5xx, an enhanced code of the same class, and the text (LF between lines, printable, in the arena;
 * *out is REPLY_BAD without memory).  The lines are "DDD-text" LF and at last "DDD text" LF, all of
 * one class; a CR before LF is dropped; the last LF may be missing at the end.
 */
enum filter_reply_state filter_reply_read(
    struct str in, bool end, struct arena *a, struct gate_reply *out);

/*
 * The output of a rcptfilter or smtpfilter that refuses.  A code of 4xx or 5xx at the beginning is
 * taken, else `code` is the reply's; `silent` is the text when there is none; `heading`, when not
 * empty, becomes a line in front.
 */
struct filter_refusal {
	uint16_t code, silent_code;
	struct str silent, heading;
};
bool filter_output_read(
    struct str output, const struct filter_refusal *how, struct arena *a, struct gate_reply *out);

#endif
