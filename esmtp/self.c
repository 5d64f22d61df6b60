/*
 * Mail loops: an address is ours when it is one of this machine's and one of our own listening
 * ports.  The port matters: several instances may share a machine.
 */
#include <ifaddrs.h>
#include <stdlib.h>
#include "dns/rdata.h"
#include "esmtp/esmtp.h"

enum { FRESH_MS = 60000 };

struct self {
	VEC(uint16_t) ports;
	VEC(struct sockaddr_storage) addresses;
	int64_t looked; /* clock_mono_ms, 0: never */
};

/* "25", "192.0.2.1.25", "::1.25" or "smtp". */
static void add_port(struct self *s, struct str item)
{
	ptrdiff_t dot = str_rchr(item, '.');
	uint64_t port;
	if (str_is(item, "smtp"))
		item = STR("25");
	if (str_u64(str_skip(item, (size_t)(dot + 1)), &port) && port && port < 65536)
		vec_push(&s->ports, (uint16_t)port);
}

static const struct {
	const char *component, *name;
} port_settings[] = {
    {"esmtp-port-smtp", "PORT"},
    {"esmtp-port-msa", "PORT"},
    {"esmtp-port-smtps", "SSLPORT"},
};

struct self *self_new(const struct config *c)
{
	struct self *s = mem_new(struct self);
	struct str item;
	for (size_t i = 0; i < ARRAY_LEN(port_settings); i++)
		for (size_t at = 0;
		     config_each(c, port_settings[i].component, port_settings[i].name, &at, &item);)
			add_port(s, item);
	return s;
}

void self_free(struct self *s)
{
	if (!s)
		return;
	vec_free(&s->ports);
	vec_free(&s->addresses);
	free(s);
}

static void look(struct self *s)
{
	struct ifaddrs *all = NULL;
	int64_t now = clock_mono_ms();
	if (s->looked && now - s->looked < FRESH_MS)
		return;
	s->looked = now;
	if (getifaddrs(&all))
		return;
	s->addresses.n = 0;
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		struct sockaddr_storage ss = {0};
		if (!i->ifa_addr)
			continue;
		if (i->ifa_addr->sa_family == AF_INET)
			memcpy(&ss, i->ifa_addr, sizeof(struct sockaddr_in));
		else if (i->ifa_addr->sa_family == AF_INET6)
			memcpy(&ss, i->ifa_addr, sizeof(struct sockaddr_in6));
		else
			continue;
		vec_push(&s->addresses, ss);
	}
	freeifaddrs(all);
}

/* 127/8 and the unspecified addresses lead to ourselves too. */
static bool always_local(const struct sockaddr_storage *a)
{
	if (a->ss_family == AF_INET) {
		uint32_t v = ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr);
		return v >> 24 == 127 || !v;
	}
	const struct in6_addr *six = &((const struct sockaddr_in6 *)a)->sin6_addr;
	return IN6_IS_ADDR_LOOPBACK(six) || IN6_IS_ADDR_UNSPECIFIED(six);
}

bool self_is_address(struct self *s, const struct sockaddr_storage *a, uint16_t port)
{
	bool ours = false;
	for (size_t i = 0; i < s->ports.n; i++)
		ours |= s->ports.v[i] == port;
	if (!ours || always_local(a))
		return ours;
	look(s);
	for (size_t i = 0; i < s->addresses.n; i++)
		if (dns_same_address(&s->addresses.v[i], a))
			return true;
	return false;
}
