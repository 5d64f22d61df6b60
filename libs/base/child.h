/* libs/base: a child before it becomes another program. */
#ifndef COURIER_BASE_CHILD_H
#define COURIER_BASE_CHILD_H

/* Every signal as at the start of a process, none held back: what a daemon ignores or blocks would
 * go over to the program. */
void child_signals(void);

#endif
