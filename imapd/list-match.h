/* Patterns of LIST and LSUB: "*" matches anything, "%" anything but the separator ".".  Pure. */
#ifndef COURIER_IMAPD_LIST_MATCH_H
#define COURIER_IMAPD_LIST_MATCH_H

#include "base/base.h"

enum { LIST_PATTERN_MAX = 1024, LIST_NAME_MAX = 1024 };

/* Time is proportional to the product of both lengths; longer ones do not match. */
bool list_match(struct str pattern, struct str name);

#endif
