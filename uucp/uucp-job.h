/* One delivery to one node: the message in the neighbours' form, given to uux. */
#ifndef COURIER_UUCP_JOB_H
#define COURIER_UUCP_JOB_H

#include "module/module.h"
#include "submit/address.h"
#include "table/table.h"
#include "uucp/uucp.h"

struct uucp {
	struct service *service;
	struct table *neighbors;
	struct buf value; /* what the table said last */
	struct arena *arena;
	struct names names; /* strings in the arena */
};

void uucp_job_start(struct uucp *u, struct module_delivery *d, struct module_body *b, void *handle);

#endif
