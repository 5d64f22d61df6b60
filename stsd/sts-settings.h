#ifndef COURIER_STS_SETTINGS_H
#define COURIER_STS_SETTINGS_H

#include "config/config.h"
#include "sts/fetch.h"

extern const struct config_component sts_component;

/* With the authorities, port and proxy of the settings; before any change of the root folder. NULL:
 * logged. */
struct sts_fetcher *sts_settings_fetcher(const struct config *c, struct loop *l);

#endif
