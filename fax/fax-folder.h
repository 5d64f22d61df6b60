/* The work folder of one fax: sources in, pages out. */
#ifndef COURIER_FAX_FOLDER_H
#define COURIER_FAX_FOLDER_H

#include "base/base.h"

enum { FAX_FILES_MAX = 4096 };

/* All of it, and the folder; nothing is followed. */
void fax_folder_remove(const char *path);
int fax_folder_put(const char *path, const char *name, struct str data);
/* The names of the pages made so far, "NNN.MMM", in their order, into names (arena); -1 with errno.
 */
int fax_folder_pages(struct arena *a, const char *path, const char ***names);

#endif
