/* The supervisor as a test plays it for one program (libs/service/control-proto.h). */
#ifndef COURIER_TESTS_PLAYED_H
#define COURIER_TESTS_PLAYED_H

#include "ipc/ipc.h"

/* Starts a program of the build tree on the instance dir, with the rights of the test, and sends
 * its first frame; listeners and CONTROL_START are the caller's.  *control is its channel, to be
 * freed: the program ends with it. */
pid_t played_start(
    const char *program, const char *dir, const char *role, uint32_t number, struct ipc **control);
/* The other end of an edge that a `role` has got; the caller's. */
struct ipc *played_edge(struct ipc *control, const char *role);

#endif
