/* The settings of the dsn module. */
#ifndef COURIER_DSN_SETTINGS_H
#define COURIER_DSN_SETTINGS_H

#include "config/config.h"

extern const struct config_component dsn_component;

#endif
