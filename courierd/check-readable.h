/* courier check: can the system's own users read what they need? */
#ifndef COURIER_CHECK_READABLE_H
#define COURIER_CHECK_READABLE_H

#include "config/config.h"

void check_readable(const struct instance *in, struct config_faults *f);

#endif
