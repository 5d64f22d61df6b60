/* The settings of aliases in a directory, and the filters that addresses become. */
#include "config.h"

#include "ldapaliasd/directory.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_at(data, size);
	struct ldapaliasrc rc;
	struct buf b;
	unsigned line;
	const char *why = NULL;
	struct arena *a = arena_new(256 * 1024);
	if (ldapaliasrc_parse(text, a, &rc, &line, &why) < 0 && !why)
		abort();
	arena_free(a);
	buf_init(&b, 65536);
	if (directory_filter(&b, "mail", text, "source", STR("esmtp"))) {
		ptrdiff_t end = str_find(buf_str(&b), STR(")(source=esmtp))"));
		/* the value ends where it should, and not before */
		if (str_chr(buf_str(&b), ')') != end || (size_t)end + 16 != b.n)
			abort();
	}
	buf_free(&b);
	return 0;
}
