/* Which certificate file is for whom. */
#include "config.h"
#include <arpa/inet.h>
#include <stdio.h>
#include "tls/tls-private.h"

/* IPv4 in IPv6's form. */
static bool address(struct str text, struct in6_addr *out)
{
	char z[INET6_ADDRSTRLEN];
	struct in_addr v4;

	if (!text.n || text.n >= sizeof z)
		return false;
	memcpy(z, text.p, text.n);
	z[text.n] = 0;
	if (inet_pton(AF_INET6, z, out) == 1)
		return true;
	if (inet_pton(AF_INET, z, &v4) != 1)
		return false;
	*out = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
	memcpy(out->s6_addr + 12, &v4, sizeof v4);
	return true;
}

bool tls_suffix_is_address(struct str suffix, struct str wanted)
{
	struct in6_addr a, b;

	return address(suffix, &a) && address(wanted, &b) && memcmp(&a, &b, sizeof a) == 0;
}

size_t tls_suffix_fits(struct str suffix, struct str host)
{
	struct in6_addr a;

	if (host.n && host.p[host.n - 1] == '.')
		host.n--;
	if (!suffix.n || suffix.n > host.n || address(suffix, &a))
		return 0;
	if (!str_ieq(suffix, str_skip(host, host.n - suffix.n)))
		return 0;
	if (suffix.n == host.n || host.p[host.n - suffix.n - 1] == '.')
		return suffix.n;
	return 0;
}
