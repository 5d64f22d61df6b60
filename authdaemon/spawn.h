/* Our own program again, with another face and nothing of our memory. */
#ifndef COURIER_AUTHDAEMON_SPAWN_H
#define COURIER_AUTHDAEMON_SPAWN_H

#include <sys/types.h>

/*
 * Starts ourselves as `face` ("--verifier", "--helper") with fd as its descriptor 0 and no other
 * than that and 1, 2.  title is what process lists show.  fd is closed here.  -1 with errno.
 */
pid_t spawn_self(const char *title, const char *face, int fd);
void spawn_end(pid_t pid); /* kills and reaps */

/* The faces' mains. */
int verifier_main(void);
int helper_main(void);

#endif
