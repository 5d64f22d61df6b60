/*
 * Connections through a balancer, before they are sessions: the PROXY header says whose they are.
 * Only addresses that HAPROXY_FROM lists are believed, and they must say it.  The header is taken
 * byte for byte off the socket, so that what follows, perhaps TLS, is left for the session.
 */
#include "config.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>
#include "access/proxy.h"
#include "esmtpd/session.h"

struct proxied {
	struct proxied *next, **slot;
	struct esmtpd *server;
	struct door *door;
	struct session_ends ends;
	struct watch *watch;
	struct timer *timer;
	int fd;
	size_t n; /* bytes in hand */
	char header[PROXY_HEADER_MAX];
};

/* The socket is the caller's afterwards. */
static int let_go(struct proxied *p)
{
	int fd = p->fd;
	*p->slot = p->next;
	if (p->next)
		p->next->slot = p->slot;
	p->server->n_proxied--;
	watch_free(p->watch);
	timer_free(p->timer);
	free(p);
	return fd;
}

static void give_up(struct proxied *p, const char *why)
{
	log_warning(NULL, "%s: a connection from the balancer %s is closed: %s", p->door->name,
	    p->ends.via, why);
	close(let_go(p));
}

static void on_time(void *ctx)
{
	give_up(ctx, "no PROXY header came in time");
}

static void end_of(const struct access_addr *a, uint16_t port, struct sockaddr_storage *out)
{
	static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof *out);
	if (memcmp(a->b, mapped, sizeof mapped) == 0) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, a->b + 12, 4);
	} else {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		memcpy(&v6->sin6_addr, a->b, 16);
	}
}

static void begin(struct proxied *p, const struct proxy_header *h, bool known)
{
	struct session_ends ends = p->ends;
	struct esmtpd *e = p->server;
	struct door *d = p->door;

	if (known) {
		end_of(&h->from, h->from_port, &ends.peer);
		end_of(&h->to, h->to_port, &ends.local);
	} else
		ends.via[0] = 0; /* the balancer speaks for itself: it looks whether we live */
	esmtpd_admit(e, d, let_go(p), &ends);
}

static void readable(void *ctx, int fd, int what)
{
	struct proxied *p = ctx;
	struct proxy_header h;
	enum proxy_verdict v;
	int r = proxy_header_take(fd, p->header, &p->n, &h, &v);

	if (r < 0) /* a look whether the port is open; not worth a line */
		close(let_go(p));
	else if (r && v == PROXY_BAD)
		give_up(p, "what it says is no PROXY header");
	else if (r)
		begin(p, &h, v == PROXY_KNOWN);
}

static bool sockaddr_access(
    const struct sockaddr_storage *ss, struct access_addr *out, uint16_t *port)
{
	char text[INET6_ADDRSTRLEN];
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)ss;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)ss;
	bool four = ss->ss_family == AF_INET;

	if (!four && ss->ss_family != AF_INET6)
		return false;
	*port = ntohs(four ? v4->sin_port : v6->sin6_port);
	return inet_ntop(ss->ss_family, four ? (const void *)&v4->sin_addr : &v6->sin6_addr, text,
		   sizeof text) &&
	       access_addr_parse(str_of(text), out);
}

static bool must_say(
    const struct door_settings *d, const struct session_ends *ends, struct access_addr *from)
{
	struct access_addr local;
	uint16_t port;

	return d->proxy_from && sockaddr_access(&ends->peer, from, &port) &&
	       door_proxy_from(d, from) && sockaddr_access(&ends->local, &local, &port) &&
	       (!d->options.proxy || tcpd_proxy_port(&d->options, &local, port));
}

bool proxy_take(struct esmtpd *e, struct door *d, int fd, const struct session_ends *ends)
{
	struct access_addr from;

	if (!must_say(d->settings, ends, &from))
		return false;
	if (e->n_proxied >= d->settings->max_total) {
		log_warning(NULL, "%s: too many connections wait for their PROXY header", d->name);
		close(fd);
		return true;
	}
	struct proxied *p = mem_new(struct proxied);
	p->server = e;
	p->door = d;
	p->ends = *ends;
	p->fd = fd;
	access_addr_text(&from, p->ends.via);
	p->next = e->proxied;
	p->slot = &e->proxied;
	if (p->next)
		p->next->slot = &p->next;
	e->proxied = p;
	e->n_proxied++;
	p->watch = watch_new(e->loop, fd, readable, p);
	p->timer = timer_new(e->loop, on_time, p);
	if (!p->watch || !p->timer) {
		give_up(p, "out of memory");
		return true;
	}
	watch_set(p->watch, WATCH_READ);
	timer_set(p->timer, (int64_t)d->settings->options.proxy_seconds * 1000);
	return true;
}

void proxy_end_all(struct esmtpd *e)
{
	while (e->proxied)
		close(let_go(e->proxied));
}
