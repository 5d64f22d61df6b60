/*
 * Connections through a balancer, before they are clients: the PROXY header says whose they are.
 * Only addresses that HAPROXY_FROM lists are believed, and they must say it.
 */
#include "config.h"

#include "login/login.h"

#include "access/options.h"
#include "access/proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WAITING_MAX = 1000 };

struct login_balancers {
	struct access *from; /* NULL: there are none */
	struct tcpd_options options;
	struct arena *arena; /* of the options */
	struct login_waiting *waiting;
	size_t n;
};

struct login_waiting {
	struct login_waiting *next, **slot;
	struct login_door *door;
	struct login_ends ends;
	struct watch *watch;
	struct timer *timer;
	int fd;
	size_t n;
	char header[PROXY_HEADER_MAX];
};

const struct tcpd_options *login_tcpd_options(const struct login *l)
{
	return &l->balancers->options;
}

struct login_balancers *login_balancers_new(struct config *c, const char *component)
{
	struct login_balancers *b = mem_new(struct login_balancers);
	struct str word;
	b->arena = arena_new(4 * TCPD_TEXT_MAX);
	b->options.proxy_seconds = TCPD_PROXY_SECONDS;
	/* POP3 has no such options, and says so */
	bool has = strcmp(component, login_imap.component) == 0;
	const char *wrong = tcpd_options_parse(b->arena,
	    has ? config_str(c, component, "TCPDOPTS", NULL) : STR_NONE, &b->options, &word);
	if (wrong)
		log_warning(NULL, "TCPDOPTS: '%.*s': %s", STR_FMT(word), wrong);
	b->from = access_list_new(config_str(c, component, "HAPROXY_FROM", NULL), NULL);
	if (b->options.proxy && !b->from)
		log_warning(
		    NULL, "%s: -haproxy does nothing while HAPROXY_FROM lists nobody", component);
	return b;
}

static int let_go(struct login_waiting *w)
{
	int fd = w->fd;
	*w->slot = w->next;
	if (w->next)
		w->next->slot = w->slot;
	w->door->login->balancers->n--;
	watch_free(w->watch);
	timer_free(w->timer);
	free(w);
	return fd;
}

static void give_up(struct login_waiting *w, const char *why)
{
	log_warning(NULL, "a connection from the balancer %s is closed: %s", w->ends.peer, why);
	close(let_go(w));
}

static void on_time(void *ctx)
{
	give_up(ctx, "no PROXY header came in time");
}

static void mapped_text(const struct access_addr *a, char out[46])
{
	static const unsigned char four[12] = {[10] = 0xff, 0xff};
	char text[46];
	access_addr_text(a, text);
	snprintf(out, 46, "%s%.38s", memcmp(a->b, four, sizeof four) ? "" : "::ffff:", text);
}

static void begin(struct login_waiting *w, const struct proxy_header *h, bool known)
{
	struct login_ends ends = w->ends;
	struct login_door *d = w->door;
	if (known) {
		mapped_text(&h->from, ends.peer);
		mapped_text(&h->to, ends.local);
		ends.peer_port = h->from_port;
		ends.balanced = true;
	}
	login_conn_new(d, let_go(w), &ends);
}

static void readable(void *ctx, int fd, int what UNUSED)
{
	struct login_waiting *w = ctx;
	struct proxy_header h;
	enum proxy_verdict v;
	int r = proxy_header_take(fd, w->header, &w->n, &h, &v);
	if (r < 0) /* a look whether the port is open */
		close(let_go(w));
	else if (r && v == PROXY_BAD)
		give_up(w, "what it says is no PROXY header");
	else if (r)
		begin(w, &h, v == PROXY_KNOWN);
}

static bool must_say(const struct login_door *d, const struct login_ends *ends)
{
	const struct login_balancers *b = d->login->balancers;
	struct access_addr from, local;
	struct str action;
	return b->from && access_addr_parse(str_of(ends->peer), &from) &&
	       access_lookup(&from, access_get, b->from, &action) > 0 &&
	       (!b->options.proxy || (access_addr_parse(str_of(ends->local), &local) &&
					 tcpd_proxy_port(&b->options, &local, d->port)));
}

void login_admit(struct login_door *d, int fd, const struct login_ends *ends)
{
	struct login_balancers *b = d->login->balancers;
	if (!must_say(d, ends)) {
		login_conn_new(d, fd, ends);
		return;
	}
	if (b->n >= WAITING_MAX) {
		log_warning(NULL, "too many connections wait for their PROXY header");
		close(fd);
		return;
	}
	struct login_waiting *w = mem_new(struct login_waiting);
	w->door = d;
	w->ends = *ends;
	w->fd = fd;
	w->next = b->waiting;
	w->slot = &b->waiting;
	if (w->next)
		w->next->slot = &w->next;
	b->waiting = w;
	b->n++;
	w->watch = watch_new(service_loop(d->login->s), fd, readable, w);
	w->timer = timer_new(service_loop(d->login->s), on_time, w);
	if (!w->watch || !w->timer) {
		give_up(w, "no memory");
		return;
	}
	watch_set(w->watch, WATCH_READ);
	timer_set(w->timer, (int64_t)b->options.proxy_seconds * 1000);
}

void login_balancers_end(struct login *l)
{
	while (l->balancers->waiting)
		close(let_go(l->balancers->waiting));
}
