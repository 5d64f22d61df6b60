#include "config.h"

#include "queue/envelope.h"

#include <stdio.h>

void queue_id_format(const struct queue_id *id, char out[QUEUE_ID_SIZE])
{
	snprintf(out, QUEUE_ID_SIZE, "%016llX.%016llX.%08X", (unsigned long long)id->seq,
	    (unsigned long long)id->us, (unsigned)id->slot);
}

static bool upper_hex(struct str s, uint64_t *out)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_digit((unsigned char)s.p[i]) && !(s.p[i] >= 'A' && s.p[i] <= 'F'))
			return false;
	return str_hex64(s, out);
}

bool queue_id_parse(struct str s, struct queue_id *out)
{
	if (s.n != QUEUE_ID_LEN || s.p[16] != '.' || s.p[33] != '.')
		return false;
	struct queue_id id;
	uint64_t slot;
	if (!upper_hex(str_at(s.p, 16), &id.seq) || !upper_hex(str_at(s.p + 17, 16), &id.us) ||
	    !upper_hex(str_at(s.p + 34, 8), &slot))
		return false;
	id.slot = (uint32_t)slot;
	*out = id;
	return true;
}
