/* The settings of the esmtp module: its own files, and rows of the file courierd. */
#ifndef COURIER_ESMTP_SETTINGS_H
#define COURIER_ESMTP_SETTINGS_H

#include "config/config.h"

extern const struct config_component esmtp_component;
/* Where our own server listens: for knowing ourselves. */
extern const struct config_component esmtp_port_smtp, esmtp_port_msa, esmtp_port_smtps;

#endif
