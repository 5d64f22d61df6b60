/* The files etc/dsn*.txt; one that is missing is replaced by a plain text of our own. */
#ifndef COURIER_DSN_TEMPLATES_H
#define COURIER_DSN_TEMPLATES_H

#include "config/instance.h"
#include "dsn/compose.h"

/* The texts belong to the arena.  -1: a file can't be read, or no memory (logged). */
int templates_read(const struct instance *in, struct arena *a, struct dsn_templates *out);

#endif
