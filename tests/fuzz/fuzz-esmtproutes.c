/* esmtproutes and esmtpauthclient: administrators' files. */
#include "esmtp/authclient.h"
#include "smtp/routes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct routes *r = routes_new();
	struct authclient *a = authclient_new();
	struct str rest = str_at(data, n), line, last = STR_NONE;
	while (str_split(&rest, '\n', &line)) {
		routes_add(r, line);
		authclient_add(a, line);
		last = line;
	}
	struct route found = routes_find(r, last);
	if (!found.port)
		__builtin_trap();
	authclient_find(a, found.relay, found.port, last);
	routes_free(r);
	authclient_free(a);
	return 0;
}
