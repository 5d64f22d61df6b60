#ifndef COURIER_STS_SETTINGS_H
#define COURIER_STS_SETTINGS_H

#include "config/config.h"

extern const struct config_component sts_component;

#endif
