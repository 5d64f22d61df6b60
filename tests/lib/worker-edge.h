/* Starts a delivery worker as the broker does, for tests and measurements. */
#ifndef COURIER_TESTS_WORKER_EDGE_H
#define COURIER_TESTS_WORKER_EDGE_H

#include "local/worker-proto.h"

/* plain: one that may run no programs.  *pid 0 and NULL when that is impossible. */
struct ipc *worker_edge_start(const char *program, bool plain, pid_t *pid);

#endif
