/* Files of the drop folder: any user may write there. */
#include "config.h"

#include "submit/drop.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct drop d, again;
	size_t body;
	const char *why;
	struct buf b;
	struct arena *a = arena_new(8 * 1024 * 1024);
	if (!a)
		return 0;
	buf_init(&b, 8 * size + 4096);
	if (drop_decode(str_at(data, size), a, &d, &body, &why) == 1) {
		if (body > size || d.n == 0 || d.n > DROP_RCPTS_MAX)
			abort();
		if (!drop_encode(&d, &b) || drop_decode(buf_str(&b), a, &again, &body, &why) != 1 ||
		    again.n != d.n || !str_eq(again.sender, d.sender) || again.bytes != d.bytes)
			abort();
	}
	buf_free(&b);
	arena_free(a);
	return 0;
}
