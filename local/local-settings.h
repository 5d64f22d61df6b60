/* Settings of local delivery: the courierd file's variables and the small files beside it. */
#ifndef COURIER_LOCAL_SETTINGS_H
#define COURIER_LOCAL_SETTINGS_H

#include "config/config.h"
#include "local/worker-proto.h"

extern const struct config_component local_settings; /* component "local", file courierd */

/* Views into the snapshot. */
struct worker_rules local_rules(const struct config *c);

#endif
