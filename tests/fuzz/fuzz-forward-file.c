/* .forward files: whatever comes out can be read as .courier instructions, and none of them is a
 * dynamic one. */
#include "config.h"

#include "local/dot-courier.h"
#include "local/forward-file.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(8 * 1024 * 1024);
	struct forward_facts f = {
	    .own = STR("a@x.test"), .header = STR("Delivered-To: b@x.test\n")};
	struct dot_file d;
	struct buf out;
	bool own;
	buf_init(&out, 2 * FORWARD_FILE_MAX);
	if (!forward_convert(str_at(data, size), &f, a, &out, &own) &&
	    !dot_parse(buf_str(&out), a, &d))
		for (size_t i = 0; i < d.n; i++)
			if (d.line[i].kind == DOT_DYNAMIC || !d.line[i].text[0])
				abort();
	buf_free(&out);
	arena_free(a);
	return 0;
}
