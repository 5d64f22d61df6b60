/* libs/base: a child before it becomes another program. */
#ifndef COURIER_BASE_CHILD_H
#define COURIER_BASE_CHILD_H

#include "base/str.h"

/* Every signal as at the start of a process, none held back: what a daemon ignores or blocks would
 * go over to the program. */
void child_signals(void);
/* The value of a name in an environment made for a child; the first one counts.  NULL: none. */
const char *child_env(char *const *env, struct str name);

#endif
