/* The message of a delivery as the skeleton holds it. */
#ifndef COURIER_MODULE_BODY_H
#define COURIER_MODULE_BODY_H

#include "module/module.h"

struct module_body {
	struct str text; /* inline; .p NULL: in fd */
	int fd;
	uint64_t offset, size;
};

#endif
