/* One fax on its way: work folder, pages, the modem. */
#ifndef COURIER_FAX_JOB_H
#define COURIER_FAX_JOB_H

#include "fax/fax.h"
#include "module/module-program.h"
#include "module/module.h"

struct fax {
	struct service *service;
	char *folder; /* for work folders */
	struct fax_rules rules;
	char *rules_text;
};

void fax_job_start(struct fax *x, struct module_delivery *d, struct module_body *b, void *handle);
/* What earlier processes left. */
void fax_folder_clean(const char *folder);

#endif
