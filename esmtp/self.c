/*
 * Mail loops: an address is ours when it is one of this machine's and one of our own listening
 * ports.  The port matters: several instances may share a machine.
 */
#include <fcntl.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include "dns/rdata.h"
#include "esmtp/esmtp.h"

enum { FRESH_MS = 60000, PORTS_FILE_MAX = 16 * 1024, DEFAULT_PORT = 25 };

struct self {
	VEC(uint16_t) ports;
	VEC(struct sockaddr_storage) addresses;
	int64_t looked; /* clock_mono_ms, 0: never */
};

/* Every number in a line of var/ports that begins with the word for a mail port. */
static void ports_line(struct self *s, struct str line)
{
	static const char *const words[] = {"smtp", "esmtp", "submission"};
	bool ours = false;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		ours |= str_istarts(line, str_of(words[i]));
	for (size_t i = 0; ours && i < line.n;) {
		size_t n = 0;
		while (i + n < line.n && ascii_digit((unsigned char)line.p[i + n]))
			n++;
		uint64_t port;
		if (n && str_u64(str_head(str_skip(line, i), n), &port) && port && port < 65536)
			vec_push(&s->ports, (uint16_t)port);
		i += n ? n : 1;
	}
}

struct self *self_new(const struct instance *in)
{
	struct self *s = mem_new(struct self);
	struct buf text;
	buf_init(&text, PORTS_FILE_MAX);
	char *path = instance_path(in->var, "ports");
	if (!file_read(AT_FDCWD, path, &text)) {
		struct str rest = buf_str(&text), line;
		while (str_split(&rest, '\n', &line))
			ports_line(s, line);
	}
	if (!s->ports.n && !in->home)
		vec_push(&s->ports, (uint16_t)DEFAULT_PORT);
	free(path);
	buf_free(&text);
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
