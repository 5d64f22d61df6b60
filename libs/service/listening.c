/* The listening sockets of a service: accepting, resting without descriptors, ports that close. */
#include "config.h"

#include "service/listening.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PORTS_MAX = 64,
	BATCH = 32,    /* connections taken in a row before others get their turn */
	REST_MS = 200, /* without descriptors: how long no connection is taken */
};

struct port {
	struct listening *all;
	struct watch *watch; /* NULL: free */
	char *where;
	void *door;
};

struct listening {
	struct loop *loop;
	const struct listening_handlers *handlers;
	struct port ports[PORTS_MAX];
	struct timer *rest;
	bool serving;
};

static void watch_all(struct listening *l, int what)
{
	for (size_t i = 0; i < PORTS_MAX; i++)
		if (l->ports[i].watch)
			watch_set(l->ports[i].watch, what);
}

static void rest_over(void *ctx)
{
	watch_all(ctx, WATCH_READ);
}

/* Out of descriptors: connections stay in the kernel's queue, and asking for them again at once
 * would only burn time. */
static void take_a_rest(struct listening *l)
{
	log_error(NULL, "cannot accept a connection: %m");
	watch_all(l, 0);
	timer_set(l->rest, REST_MS);
}

static void forget(struct port *p)
{
	watch_close(p->watch);
	free(p->where);
	*p = (struct port){.all = p->all};
}

static void acceptable(void *ctx, int fd, int what)
{
	struct port *p = ctx;
	struct listening *l = p->all;

	for (int i = 0; i < BATCH; i++) {
		struct sockaddr_storage peer;
		socklen_t n = sizeof peer;
		int client =
		    accept4(fd, (struct sockaddr *)&peer, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (client >= 0) {
			l->handlers->client(p->door, client, &peer);
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			return;
		} else if (errno == EINVAL) { /* it listens no more: the supervisor's doing */
			void *door = p->door;
			forget(p);
			if (l->handlers->shut)
				l->handlers->shut(door);
			return;
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			   errno == ENOMEM) {
			take_a_rest(l);
			return;
		} /* else: that client is gone already */
	}
}

struct listening *listening_new(struct loop *loop, const struct listening_handlers *h)
{
	struct listening *l = mem_new(struct listening);
	l->loop = loop;
	l->handlers = h;
	l->rest = timer_new(loop, rest_over, l);
	if (l->rest)
		return l;
	free(l);
	return NULL;
}

/* The place of a port that was open before, or a free one. */
static struct port *place(struct listening *l, const char *where)
{
	struct port *free_one = NULL;
	for (size_t i = 0; i < PORTS_MAX; i++) {
		struct port *p = &l->ports[i];
		if (p->watch && strcmp(p->where, where) == 0) {
			forget(p);
			return p;
		}
		if (!p->watch && !free_one)
			free_one = p;
	}
	return free_one;
}

void listening_add(struct listening *l, void *door, const char *where, int fd)
{
	struct port *p = place(l, where);
	struct watch *w = p ? watch_new(l->loop, fd, acceptable, p) : NULL;
	if (!w) {
		log_error(NULL, "cannot listen on %s: %s", where,
		    p ? "out of memory" : "too many addresses and ports");
		close(fd);
		return;
	}
	*p = (struct port){.all = l, .watch = w, .where = mem_strdup(where), .door = door};
	watch_set(w, l->serving ? WATCH_READ : 0);
}

void listening_serve(struct listening *l)
{
	l->serving = true;
	watch_all(l, WATCH_READ);
}

void listening_end(struct listening *l)
{
	timer_clear(l->rest);
	for (size_t i = 0; i < PORTS_MAX; i++)
		if (l->ports[i].watch)
			forget(&l->ports[i]);
}
