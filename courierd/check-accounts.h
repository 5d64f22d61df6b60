/* The files of the modules that ask directories and databases about accounts. */
#ifndef COURIER_CHECK_ACCOUNTS_H
#define COURIER_CHECK_ACCOUNTS_H

#include "config/config.h"

/* Those whose module authmodulelist names. */
void check_accounts(const struct instance *in, const struct config *c, struct config_faults *f);

#endif
