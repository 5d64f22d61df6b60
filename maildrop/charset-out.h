/* Text that leaves in a character set of the user's. */
#ifndef COURIER_MAILDROP_CHARSET_OUT_H
#define COURIER_MAILDROP_CHARSET_OUT_H

#include "base/base.h"

/* From UTF-8; what the set does not have becomes '?'.  .p NULL: no such set, or no memory.  charset
 * NULL: UTF-8. */
struct str charset_from_utf8(struct arena *a, const char *charset, struct str utf8);

#endif
