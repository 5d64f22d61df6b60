/* The ports of couriertcpd. */
#include "config.h"

#include "tcpd/tcpd.h"
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

enum { ACCEPT_BATCH = 16, REST_MS = 200 };

static bool is_v4(const struct access_addr *a)
{
	struct in6_addr in6; /* the bytes may stand anywhere */
	memcpy(&in6, a->b, sizeof in6);
	return IN6_IS_ADDR_V4MAPPED(&in6);
}

static socklen_t address_of(const struct tcpd_port *p, int family, struct sockaddr_storage *ss)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;
	memset(ss, 0, sizeof *ss);
	ss->ss_family = (sa_family_t)family;
	if (family == AF_INET) {
		in->sin_port = htons(p->port);
		if (!p->any)
			memcpy(&in->sin_addr, p->addr.b + 12, 4);
		return sizeof *in;
	}
	in6->sin6_port = htons(p->port);
	if (!p->any)
		memcpy(&in6->sin6_addr, p->addr.b, 16);
	return sizeof *in6;
}

/* A listening socket, or -1 with errno.  An address that this host does not have yet will do: it
 * may come later (a failover, a slow network at boot). */
static int open_one(const struct tcpd_port *p, int family, uint32_t backlog)
{
	struct sockaddr_storage ss;
	socklen_t n = address_of(p, family, &ss);
	int one = 1, off = 0, fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof one);
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	if (bind(fd, (struct sockaddr *)&ss, n) == 0 &&
	    listen(fd, backlog ? (int)backlog : SOMAXCONN) == 0)
		return fd;
	int e = errno;
	close(fd);
	errno = e;
	return -1;
}

static void acceptable(void *ctx, int fd, int what)
{
	struct tcpd_listener *l = ctx;
	struct sockaddr_storage peer;
	(void)what;
	for (int i = 0; i < ACCEPT_BATCH && !l->t->full; i++) {
		socklen_t n = sizeof peer;
		int client = accept4(fd, (struct sockaddr *)&peer, &n, SOCK_CLOEXEC);
		if (client >= 0)
			tcpd_client_new(l->t, client, &peer);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			 errno == ENOMEM) {
			log_error(NULL, "cannot accept a connection: %m; see ulimit -n");
			tcpd_listening(l->t, false);
			timer_set(l->t->rest, REST_MS);
			return;
		} else
			return;
	}
}

static int keep(struct tcpd *t, int fd)
{
	struct tcpd_listener *l = &t->listeners[t->n_listeners];
	*l = (struct tcpd_listener){.t = t, .fd = fd};
	l->watch = watch_new(t->loop, fd, acceptable, l);
	if (!l->watch)
		return -1;
	t->n_listeners++;
	return 0;
}

/* A wildcard is one socket for both families; where IPv6 is missing, or a system keeps them
 * apart, it is one for IPv4, too. */
static int open_port(struct tcpd *t, const struct tcpd_port *p)
{
	int v6 = p->any || !is_v4(&p->addr) ? open_one(p, AF_INET6, t->backlog) : -1;
	int v4 = p->any || is_v4(&p->addr) ? open_one(p, AF_INET, t->backlog) : -1;
	if (v6 < 0 && v4 < 0)
		return -1;
	if ((v6 >= 0 && keep(t, v6) < 0) || (v4 >= 0 && keep(t, v4) < 0)) {
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

static void rested(void *ctx)
{
	struct tcpd *t = ctx;
	tcpd_listening(t, !t->full);
}

int tcpd_listen(struct tcpd *t)
{
	for (int i = 0; i < t->n_ports; i++)
		if (open_port(t, &t->ports[i]) < 0) {
			fprintf(stderr, "couriertcpd: cannot listen on port %u: %s\n",
			    t->ports[i].port, strerror(errno));
			return -1;
		}
	t->rest = timer_new(t->loop, rested, t);
	return t->rest ? 0 : -1;
}

void tcpd_listening(struct tcpd *t, bool yes)
{
	for (size_t i = 0; i < t->n_listeners; i++)
		watch_set(t->listeners[i].watch, yes ? WATCH_READ : 0);
}
