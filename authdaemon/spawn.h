/* Our own program again, with another face and nothing of our memory. */
#ifndef COURIER_AUTHDAEMON_SPAWN_H
#define COURIER_AUTHDAEMON_SPAWN_H

#include <sys/types.h>

/* What a process is called is what it is: main looks at its own name. */
#define SPAWN_VERIFIER "courier auth: verifier"
#define SPAWN_HELPER   "courier auth: helper"

/*
 * Starts ourselves as one of these, with fd as its descriptor 0 and no other than that and 1, 2. fd
 * is closed here.  -1 with errno.
 */
pid_t spawn_self(const char *name, int fd);
void spawn_end(pid_t pid); /* kills and reaps */

/* The faces' mains. */
int verifier_main(void);
int helper_main(void);

#endif
