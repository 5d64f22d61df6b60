/* What a program's environment tells the gate (submit(8), ENVIRONMENT). */
#ifndef COURIER_GATE_CLIENT_ENV_H
#define COURIER_GATE_CLIENT_ENV_H

#include "base/base.h"

enum { CLIENT_ENV_MAX = 16 * 1024 };

/* NAME=value lines of those variables that the gate knows; one whose value has control bytes or is
 * longer than CLIENT_ENV_VALUE_MAX is left out. */
enum { CLIENT_ENV_VALUE_MAX = 1000 };
bool client_env(struct buf *out);

#endif
