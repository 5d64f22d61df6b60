#include "config.h"

#include "courierd/init.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
	const char *name;
	uint16_t offset;
} ports[INIT_PORTS] = {
    {"smtp", 25},
    {"submission", 587},
    {"smtps", 465},
    {"imap", 143},
    {"imaps", 993},
    {"pop3", 110},
    {"pop3s", 995},
    {"http", 80},
};

static bool is_free(uint16_t port)
{
	struct sockaddr_in v4 = {
	    .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct sockaddr_in6 v6 = {
	    .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int a = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    b = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = a >= 0 && bind(a, (struct sockaddr *)&v4, sizeof v4) == 0;
	if (ok && b >= 0 && bind(b, (struct sockaddr *)&v6, sizeof v6) < 0)
		ok = errno == EADDRNOTAVAIL;
	if (a >= 0)
		close(a);
	if (b >= 0)
		close(b);
	return ok;
}

static bool all_free(int base)
{
	for (int i = 0; i < INIT_PORTS; i++)
		if (!is_free((uint16_t)(base + ports[i].offset)))
			return false;
	return true;
}

static void use(struct init_plan *p, int base)
{
	p->port_base = base;
	for (int i = 0; i < INIT_PORTS; i++)
		p->ports[i] = (uint16_t)(base + ports[i].offset);
}

/*
 * Below the ephemeral range, so that no outgoing connection takes one of them meanwhile; anywhere
 * in it, so that instances made at the same moment, of which none listens yet, hardly ever meet.
 */
static int choose(struct init_plan *p)
{
	for (int i = 0; i < 200; i++) {
		int base = 2000 + (int)(random_u64() % 29000);
		if (all_free(base)) {
			use(p, base);
			return 0;
		}
	}
	for (int base = 2000; base < 31000; base += 100) {
		if (all_free(base)) {
			use(p, base);
			return 0;
		}
	}
	fprintf(stderr, "courier: no free range of ports below 32000\n");
	return -1;
}

int init_ports(struct init_plan *p)
{
	struct buf text;
	if (p->port_base < 0) {
		if (choose(p) < 0)
			return -1;
	} else {
		use(p, p->port_base);
	}
	buf_init(&text, 1000);
	for (int i = 0; i < INIT_PORTS; i++)
		buf_addf(&text, "%s %u\n", ports[i].name, p->ports[i]);
	char *path = instance_path(p->in.var, "ports");
	int r = file_replace(-1, path, text.p, text.n, 0644) < 0 ? init_fail("write", path) : 0;
	free(path);
	buf_free(&text);
	return r;
}
