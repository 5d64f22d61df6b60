/* What a POP3 session reads from the file pop3d. */
#ifndef COURIER_POP3_SETTINGS_H
#define COURIER_POP3_SETTINGS_H

#include "config/config.h"

extern const struct config_component pop3d_component; /* "pop3d-session" */

#endif
