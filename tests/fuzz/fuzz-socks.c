/* The client's side of SOCKS 5: what a proxy says; the first line is the proxy as it is configured.
 */
#include "fuzz.h"
#include <netinet/in.h>
#include "smtp/socks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_at(data, size), line = STR_NONE;
	struct sockaddr_storage to = {.ss_family = size % 2 ? AF_INET : AF_INET6};
	struct socks_proxy p;
	struct socks s;
	struct buf out;
	const char *why = NULL;
	size_t used;
	int r = 0;
	str_split(&rest, '\n', &line);
	if (socks_proxy_parse(line, &p))
		return 0;
	FUZZ_CHECK(p.addr.ss_family == AF_INET || p.addr.ss_family == AF_INET6);
	buf_init(&out, SOCKS_OUT_MAX);
	socks_begin(&s, &p, &to, &out);
	do {
		r = socks_feed(&s, rest, &used, &out, &why);
		FUZZ_CHECK(used <= rest.n && !out.failed && (r >= 0 || why));
		rest = str_skip(rest, used);
	} while (r == 0 && used);
	FUZZ_CHECK(r != 1 || s.state == SOCKS_READY);
	buf_free(&out);
	return 0;
}
