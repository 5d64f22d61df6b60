/*
 * The socket of a filter: var/filters/NAME, or var/allfilters/NAME for one that judges every
 * message.  It appears under its name only when it listens, and stands in one of the two folders.
 * At the end it stays: an installed filter that does not run must hold mail up, not let it pass.
 */
#ifndef COURIER_FILTERS_FILTER_SOCKET_H
#define COURIER_FILTERS_FILTER_SOCKET_H

#include "config/config.h"

enum { FILTER_READY_FD = 3 };

/* Before anything else is opened: descriptors 0 to 3 are there, so none of ours gets their numbers.
 */
void filter_fds_reserve(void);
/* The parent learns that the socket listens: closes descriptor 3. */
void filter_fds_ready(void);

/* Listening, non-blocking, close-on-exec.  -1: logged. */
int filter_socket_make(const struct instance *in, const char *name, bool all);
/* Does NAME-mode say "all"? */
bool filter_mode_all(const struct config *c, const char *component);

/* Finds the instance, opens the log, loads the settings.  Options: -C DIR alone.  NULL after a
 * message; *status is the exit status then. */
struct config *filter_begin(struct instance *in, const char *name,
    const struct config_component *const *components, size_t n, int argc, char **argv, int *status);

#endif
