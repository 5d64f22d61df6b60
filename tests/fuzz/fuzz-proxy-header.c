/* A PROXY header, whole and in every beginning of it. */
#include "config.h"

#include "access/proxy.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_header whole, part;
	struct str all = str_at(data, size);
	enum proxy_verdict v = proxy_header_parse(all, &whole);
	FUZZ_CHECK(whole.used <= size && whole.used <= PROXY_HEADER_MAX);
	FUZZ_CHECK(v != PROXY_KNOWN || whole.used > 0);
	FUZZ_CHECK(v != PROXY_MORE || size < PROXY_HEADER_MAX);
	/* A beginning is never taken for something else than the whole. */
	for (size_t n = 0; v == PROXY_KNOWN && n < whole.used; n++)
		FUZZ_CHECK(proxy_header_parse(str_head(all, n), &part) == PROXY_MORE);
	return 0;
}
