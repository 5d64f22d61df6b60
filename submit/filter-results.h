/*
 * The answer to a message with one result for each recipient (EXDATA): the text behind 558, whose
 * lines are ordinary replies one after the other.  Pure.
 */
#ifndef COURIER_SUBMIT_FILTER_RESULTS_H
#define COURIER_SUBMIT_FILTER_RESULTS_H

#include "gate/gate.h"

/* Adds "DDD-E.N.H text" LF ... "DDD E.N.H text" LF; lines are cut so that at most `room` bytes are
 * added (the last line always is there, if only with its code). */
void filter_result_add(struct buf *out, const struct gate_reply *r, size_t room);

#endif
