/* What the two commands of the room ask the supervisor. */
#ifndef COURIER_FILTERS_ASK_H
#define COURIER_FILTERS_ASK_H

#include "config/instance.h"

/* The role's line of `courier status` into out: 1; 0 it is not running; -1 nothing is. */
int filters_status(const struct instance *in, struct buf *out);
/* One request ("reload filter").  0, -1 nothing is running, -2 refused (said on standard error). */
int filters_request(const struct instance *in, const char *program, const char *request);
/* The word after NAME= in the line: "ready", "starting", ...; empty: no such filter. */
struct str filters_state(struct str line, const char *name);
/* "ready", "starting", "stopping" of the role itself. */
struct str filters_role_state(struct str line);
/* Reads -C and opens the instance; leaves exactly `words` arguments at argv[optind].  0; -1 wrong
 * usage; -2 no instance (said on standard error). */
int filters_options(int argc, char **argv, const char *program, int words, struct instance *in);
void filters_pause(void); /* between two looks: 50 ms */

#endif
