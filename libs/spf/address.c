/* The client's address. */
#include <arpa/inet.h>
#include "dns/rdata.h"
#include "spf/spf-private.h"

static const unsigned char *bytes_of(const struct sockaddr_storage *ss)
{
	return ss->ss_family == AF_INET
		   ? (const unsigned char *)&((const struct sockaddr_in *)ss)->sin_addr
		   : ((const struct sockaddr_in6 *)ss)->sin6_addr.s6_addr;
}

struct sockaddr_storage spf_plain_address(const struct sockaddr_storage *ss)
{
	struct sockaddr_storage out = *ss;
	if (ss->ss_family == AF_INET6 &&
	    IN6_IS_ADDR_V4MAPPED(&((const struct sockaddr_in6 *)ss)->sin6_addr))
		dns_rdata_a(str_at(bytes_of(ss) + 12, 4), &out);
	return out;
}

bool spf_in_network(
    const struct sockaddr_storage *a, const struct sockaddr_storage *net, unsigned bits)
{
	if (a->ss_family != net->ss_family)
		return false;
	const unsigned char *x = bytes_of(a), *y = bytes_of(net);
	if (memcmp(x, y, bits / 8) != 0)
		return false;
	unsigned rest = bits % 8;
	return rest == 0 || (x[bits / 8] ^ y[bits / 8]) >> (8 - rest) == 0;
}

void spf_address_text(const struct sockaddr_storage *ss, struct buf *out)
{
	char z[INET6_ADDRSTRLEN];
	if (inet_ntop(ss->ss_family, bytes_of(ss), z, sizeof z))
		buf_addz(out, z);
}

void spf_address_dotted(const struct sockaddr_storage *ss, struct buf *out)
{
	static const char digit[] = "0123456789abcdef";
	const unsigned char *b = bytes_of(ss);
	if (ss->ss_family == AF_INET) {
		spf_address_text(ss, out);
		return;
	}
	for (unsigned i = 0; i < 16; i++) {
		buf_addf(out, "%s%c.%c", i ? "." : "", digit[b[i] >> 4], digit[b[i] & 15]);
	}
}
