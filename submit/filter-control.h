/*
 * What filters have added to a control file.  Pure.
 *
 * before: what the gate wrote.  after: the file as it stands.  added gets the records that filters
 * may add (S F D I X r R N O, see courierfilter(8)); others are left out.  -1 with *why when the
 * gate's own part was touched, the last line has no end, there is too much of it, or the whole is
 * no control file any more: then nobody knows what the filter wanted.
 */
#ifndef COURIER_SUBMIT_FILTER_CONTROL_H
#define COURIER_SUBMIT_FILTER_CONTROL_H

#include "queue/envelope.h"

enum { FILTER_ADDED_MAX = 1024 * 1024 };

int filter_control_added(
    struct str before, struct str after, struct arena *a, struct buf *added, const char **why);

#endif
