/*
 * Configuration files with markers, merged when a new release brings new ones.
 *
 * A line "##NAME: SETTING:REVISION" begins the section of a setting: comments, then the lines that
 * set it.  (":REVISION" may be left out: 0.)  What stands before the first marker is the head, with
 * "##VERSION: ..." as a rule.
 */
#ifndef COURIER_SYSCONF_H
#define COURIER_SYSCONF_H

#include "base/base.h"

/*
 * Pure.  The new file with the administrator's values: a section whose revision is the same keeps
 * the lines that were there (none, too, if there were none); one with another revision gets the new
 * lines, and the old ones follow as "##OLD: " comments; sections that only the old file has are
 * kept at the end.  false: no memory, or out is full.
 */
bool sysconf_merge(struct str old, struct str fresh, struct buf *out);

#endif
