/* The language of .courier files: any bytes; then the names for the same bytes as an extension. */
#include "config.h"

#include "local/dot-courier.h"

#include <stdlib.h>

/* One slash may stand in the name, for what makealiases keeps (".xalias/NAME"). */
static bool leads_out(const char *name, struct str ext)
{
	const char *slash = strchr(name, '/');
	return slash && (!str_starts(ext, STR(".xalias")) || strchr(slash + 1, '/'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(4 * 1024 * 1024);
	struct dot_file f;
	struct str rest, in = str_at(data, size);
	struct buf name;
	if (!dot_parse(in, a, &f))
		for (size_t i = 0; i < f.n; i++)
			if (f.line[i].kind == DOT_FORWARD && !f.line[i].text[0])
				abort();
	buf_init(&name, 1024);
	struct dot_names n = {.dot = STR("courier"), .ext = in, .seps = STR("+"), .lower = true};
	for (unsigned turns = 0; dot_names_next(&n, &name, &rest); turns++)
		if (turns > DOT_NAME_MAX + 2 || leads_out(name.p, in) || rest.n > in.n)
			abort();
	buf_free(&name);
	arena_free(a);
	return 0;
}
