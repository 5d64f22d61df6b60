/* Control texts: whatever is read can be written again and says the same then. */
#include "config.h"

#include "queue/envelope.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(16 * 1024 * 1024);
	struct envelope e, again;
	const char *why;
	if (!a)
		return 0;
	if (envelope_decode(str_at(data, size), a, &e, &why) == 0) {
		struct buf b;
		buf_init(&b, ENVELOPE_TEXT_MAX);
		if (envelope_encode(&e, &b)) {
			if (envelope_decode(buf_str(&b), a, &again, &why) &&
			    strcmp(why, "too large") != 0)
				abort();
			else if (again.n_rcpts != e.n_rcpts || again.uid != e.uid ||
				 again.id.seq != e.id.seq)
				abort();
		}
		buf_free(&b);
	}
	arena_free(a);
	return 0;
}
