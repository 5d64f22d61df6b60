/* The index of shared folders and the list of sharable Maildirs, which sessions of accounts read.
 */
#ifndef COURIER_CHECK_SHARED_H
#define COURIER_CHECK_SHARED_H

#include "config/config.h"

enum { CHECK_SHARED_FAULTS_MAX = 20 /* lines named of one file */ };

void check_shared(const struct instance *in, const struct config *c, struct config_faults *f);

#endif
