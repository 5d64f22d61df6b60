/* Journal segments: the input is what follows a good segment header. */
#include "config.h"

#include "queue/journal-record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool look(void *ctx, const struct journal_record *r)
{
	size_t *left = ctx, sum = 0;
	for (size_t i = 0; i < r->payload.n; i++)
		sum += (unsigned char)r->payload.p[i];
	if (r->type == JOURNAL_MESSAGE && r->aux > r->payload.n)
		abort();
	return --*left + (sum == (size_t)-1) > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct journal_damage d;
	size_t left = 1000;
	char *p = calloc(1, JOURNAL_START + size);
	if (!p)
		return 0;
	journal_segment_head(p, 3, JOURNAL_START + size);
	if (size)
		memcpy(p + JOURNAL_START, data, size);
	journal_scan(str_at(p, JOURNAL_START + size), 3, &d, look, &left);
	free(p);
	return 0;
}
