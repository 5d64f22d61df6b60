/* libs/base: a child before it becomes another program. */
#ifndef COURIER_BASE_CHILD_H
#define COURIER_BASE_CHILD_H

#include "base/str.h"

/* Every signal as at the start of a process, none held back: what a daemon ignores or blocks would
 * go over to the program. */
void child_signals(void);
/* The value of a name in an environment made for a child; the first one counts.  NULL: none. */
const char *child_env(char *const *env, struct str name);

/* Programs of the same user may not look into this process, nor take its descriptors: none of what
 * it holds is for the programs that an account runs.  Not in builds that look for faults. */
void process_shut(void);
bool process_shuts(void);

#endif
