/*
 * The drop folder: one gate process looks into it at its start and every minute, and puts what it
 * finds into the queue.  A file is removed only when its message is durable.
 */
#ifndef COURIER_SUBMIT_PICKUP_H
#define COURIER_SUBMIT_PICKUP_H

#include "submit/process.h"

struct pickup;
struct pickup *pickup_new(struct gate_process *g); /* NULL without memory */
void pickup_free(struct pickup *p);                /* NULL is fine */

#endif
