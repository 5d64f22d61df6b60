#include "tcpd/tcpd.h"

#include <stdlib.h>

struct slots {
	struct map *ips, *nets; /* address -> count */
	uint32_t all;
};

/* The network of a client: its class C, or with IPv6 a /64, what one customer gets. */
static struct str net_of(const struct access_addr *a, char net[17])
{
	static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	bool v4 = memcmp(a->b, mapped, sizeof mapped) == 0;
	size_t n = v4 ? 15 : 8;
	net[0] = (char)n;
	memcpy(net + 1, a->b, n);
	return str_at(net, n + 1);
}

static uint32_t count(const struct map *m, struct str key)
{
	const uint32_t *n = map_get(m, key);
	return n ? *n : 0;
}

static bool add(struct map *m, struct str key)
{
	uint32_t *n = map_get(m, key);
	if (n) {
		++*n;
		return true;
	}
	n = mem_new(uint32_t);
	*n = 1;
	if (map_set(m, key, n))
		return true;
	free(n);
	return false;
}

static void take(struct map *m, struct str key)
{
	uint32_t *n = map_get(m, key);
	if (n && --*n == 0)
		free(map_del(m, key));
}

static struct str ip_of(const struct access_addr *a)
{
	return str_at(a->b, sizeof a->b);
}

struct slots *slots_new(void)
{
	struct slots *s = mem_new(struct slots);
	s->ips = map_new();
	s->nets = map_new();
	if (s->ips && s->nets)
		return s;
	slots_free(s);
	return NULL;
}

void slots_free(struct slots *s)
{
	if (!s)
		return;
	map_free(s->ips, free);
	map_free(s->nets, free);
	free(s);
}

bool slots_enter(struct slots *s, const struct access_addr *a, const struct slot_limits *l)
{
	char net[17];
	struct str n = net_of(a, net);
	if (s->all >= l->all || count(s->nets, n) >= l->per_net ||
	    count(s->ips, ip_of(a)) >= l->per_ip)
		return false;
	if (!add(s->ips, ip_of(a)))
		return false;
	if (!add(s->nets, n)) {
		take(s->ips, ip_of(a));
		return false;
	}
	s->all++;
	return true;
}

bool slots_within(const struct slots *s, const struct access_addr *a, uint32_t per_ip)
{
	return count(s->ips, ip_of(a)) <= per_ip;
}

void slots_leave(struct slots *s, const struct access_addr *a)
{
	char net[17];
	take(s->ips, ip_of(a));
	take(s->nets, net_of(a, net));
	s->all--;
}

uint32_t slots_count(const struct slots *s)
{
	return s->all;
}
