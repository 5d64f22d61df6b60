/* The settings of the filters that ship: each value is a file of its own in etc/filters. */
#ifndef COURIER_FILTERS_FILTER_SETTINGS_H
#define COURIER_FILTERS_FILTER_SETTINGS_H

#include "config/config.h"

extern const struct config_component dupfilter_component;
extern const struct config_component ratefilter_component;
extern const struct config_component verifyfilter_component;
extern const struct config_component perlfilter_component;
extern const struct config_component
    verify_component; /* the call-outs of verifyfilter and verifysmtp */

#endif
