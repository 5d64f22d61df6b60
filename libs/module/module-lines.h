/* The lines that all frames between the suite and its modules are made of. */
#ifndef COURIER_MODULE_LINES_H
#define COURIER_MODULE_LINES_H

#include "base/base.h"

/* Adds `name TAB value LF`; an empty value is left out. */
void module_line(struct buf *out, const char *name, struct str value);
/* One line at a time: 1 and its name and (encoded) value, 0 at the end or at an empty line, -1
 * malformed. */
int module_line_next(struct str *text, struct str *name, struct str *value);
/* The value as it was; false: wrongly encoded, or no memory. */
bool module_line_value(struct arena *a, struct str raw, struct str *out);

#endif
