/* The scheduler's settings: files of one value each in the configuration folder. */
#ifndef COURIER_SCHED_SETTINGS_H
#define COURIER_SCHED_SETTINGS_H

#include "config/config.h"

extern const struct config_component sched_settings;

#endif
