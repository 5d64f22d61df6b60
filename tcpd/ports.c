#include "tcpd/tcpd.h"

static bool parse_number(struct str s, uint16_t (*service)(const char *name), uint16_t *port)
{
	char name[64];
	uint64_t n;
	if (str_u64(s, &n)) {
		*port = (uint16_t)n;
		return n > 0 && n < 65536;
	}
	if (s.n == 0 || s.n >= sizeof name || memchr(s.p, 0, s.n))
		return false;
	memcpy(name, s.p, s.n);
	name[s.n] = 0;
	*port = service(name);
	return *port != 0;
}

static bool parse_item(struct str s, const struct access_addr *address,
    uint16_t (*service)(const char *name), struct tcpd_port *out)
{
	ptrdiff_t dot = str_rchr(s, '.');
	*out = (struct tcpd_port){.any = !address && dot < 0};
	if (address)
		out->addr = *address;
	if (dot < 0)
		return parse_number(s, service, &out->port);
	struct str where = str_head(s, (size_t)dot);
	out->any = str_is(where, "0") || str_is(where, "*");
	return (out->any || access_addr_parse(where, &out->addr)) &&
	       parse_number(str_skip(s, (size_t)dot + 1), service, &out->port);
}

int tcpd_ports_parse(struct str list, const struct access_addr *address,
    uint16_t (*service)(const char *name), struct tcpd_port out[TCPD_PORTS], struct str *bad)
{
	int n = 0;
	*bad = list;
	while (str_split(&list, ',', bad))
		if (n == TCPD_PORTS || !parse_item(*bad, address, service, &out[n++]))
			return -1;
	return n ? n : -1;
}
