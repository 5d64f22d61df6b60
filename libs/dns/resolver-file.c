/* The text of etc/resolver. */
#include <stdio.h>
#include "dns/dns-private.h"
#include "dns/rdata.h"

bool dns_resolver_server(struct str line, char *out, size_t size)
{
	ptrdiff_t at = str_chr(line, '@');
	struct str host = at < 0 ? line : str_head(line, (size_t)at);
	struct sockaddr_storage ss;
	uint64_t port = 53;
	if (host.n && host.p[0] == '[')
		return false;
	if (!dns_literal(host, &ss) || (at >= 0 && !str_u64(str_skip(line, (size_t)at + 1), &port)))
		return false;
	if (!port || port > 65535)
		return false;
	snprintf(out, size, "%.*s@%u", STR_FMT(host), (unsigned)port);
	return true;
}

unsigned dns_resolver_parse(struct str text, void (*add)(void *ctx, const char *server), void *ctx)
{
	struct str line;
	for (unsigned n = 1; str_split(&text, '\n', &line); n++) {
		ptrdiff_t hash = str_chr(line, '#');
		line = str_trim(hash < 0 ? line : str_head(line, (size_t)hash));
		char server[80];
		if (!line.n)
			continue;
		if (!dns_resolver_server(line, server, sizeof server))
			return n;
		add(ctx, server);
	}
	return 0;
}
