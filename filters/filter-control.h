/* What a filter wants to know of the control files of a message (libs/queue/envelope.h). */
#ifndef COURIER_FILTERS_FILTER_CONTROL_H
#define COURIER_FILTERS_FILTER_CONTROL_H

#include "filters/filter-request.h"
#include "queue/envelope.h"

struct filter_facts {
	char id[QUEUE_ID_SIZE]; /* of the first control file, and so are these: */
	struct str sender, login, source;
	uint32_t uid; /* of the submitter; means something for local mail */
	size_t rcpts; /* of all control files */
};

/* Reads them all.  -1: one cannot be read or is none; logged.  Strings are in the arena. */
int filter_facts_read(struct arena *a, const struct filter_paths *p, struct filter_facts *out);

#endif
