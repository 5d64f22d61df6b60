/* The lines that UUCP systems put before a message: "From USER DATE remote from NODE". */
#ifndef COURIER_SUBMIT_RMAIL_H
#define COURIER_SUBMIT_RMAIL_H

#include "base/base.h"

enum { RMAIL_LINES_MAX = 100 };

/* The path they give back to the sender, NODE!...!USER; empty: they name none.  Pure. */
struct str rmail_sender(struct arena *a, struct str message);

#endif
