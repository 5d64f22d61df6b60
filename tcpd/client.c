/* One connection, from accept(2) to its process. */
#include "config.h"

#include "access/proxy.h"
#include "tcpd/tcpd.h"
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ADDRESS_TEXT = 64 };

/* IPv4 addresses stand in their IPv6 form, as ever. */
static const char *text_of(const struct access_addr *a, char out[ADDRESS_TEXT])
{
	char plain[46];
	access_addr_text(a, plain);
	snprintf(out, ADDRESS_TEXT, "%s%s", strchr(plain, ':') ? "" : "::ffff:", plain);
	return out;
}

static void address_of(const struct sockaddr_storage *ss, struct access_addr *a, uint16_t *port)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;
	const struct sockaddr_in *in = (const struct sockaddr_in *)ss;
	*a = (struct access_addr){{[10] = 0xff, [11] = 0xff}};
	if (ss->ss_family == AF_INET6) {
		memcpy(a->b, &in6->sin6_addr, 16);
		*port = ntohs(in6->sin6_port);
	} else {
		memcpy(a->b + 12, &in->sin_addr, 4);
		*port = ntohs(in->sin_port);
	}
}

/* ---- the end -------------------------------------------------------------------------------- */

void tcpd_released(struct tcpd *t, const struct access_addr *a)
{
	slots_leave(t->slots, a);
	if (slots_count(t->slots) < t->warn)
		t->warned = false;
	if (t->full && slots_count(t->slots) < t->limits.all) {
		t->full = false;
		tcpd_listening(t, true);
	}
}

/* The place stays taken when a process has it now. */
static void forget(struct tcpd_client *c, bool release)
{
	struct tcpd *t = c->t;
	*c->slot = c->next;
	if (c->next)
		c->next->slot = c->slot;
	watch_free(c->watch);
	timer_free(c->timer);
	if (c->query)
		dns_cancel(t->dns, c->query);
	lists_free(c->lists);
	buf_free(&c->env);
	close(c->fd);
	if (release)
		tcpd_released(t, &c->counted);
	free(c);
}

static void turn_away(struct tcpd_client *c, const char *why)
{
	char ip[ADDRESS_TEXT];
	log_warning(
	    NULL, "refused,ip=[%s],port=[%u]: %s", text_of(&c->from, ip), c->from_port, why);
	forget(c, true);
}

/* ---- the last step -------------------------------------------------------------------------- */

static bool dropped(const struct tcpd_client *c)
{
	char name[256];
	struct str value, var = c->t->options.drop;
	if (var.n == 0 || var.n >= sizeof name)
		return var.n > 0;
	memcpy(name, var.p, var.n);
	name[var.n] = 0;
	return access_env(buf_str(&c->env), name, &value) && value.n > 0;
}

static void finish(struct tcpd_client *c)
{
	uint32_t hit = 0;
	char ip[46];
	const struct tcpd_options *o = &c->t->options;
	if (c->lists) {
		access_addr_text(&c->from, ip);
		dns_lists_judge(
		    o->lists, o->n_lists, lists_answers(c->lists), str_of(ip), &c->env, &hit);
	}
	if (dropped(c)) {
		turn_away(c, "a list or the access file says so (-drop)");
		return;
	}
	bool good = !c->env.failed && tcpd_spawn(c->t, c) == 0;
	if (!good)
		log_error(NULL, "cannot run '%s' for a connection: %s", c->t->program[0],
		    c->env.failed ? "its environment is too long" : strerror(errno));
	forget(c, !good);
}

static void lists_done(void *ctx)
{
	finish(ctx);
}

static void ask_lists(struct tcpd_client *c)
{
	if (c->t->options.n_lists)
		c->lists = lists_ask(c->t, &c->from, lists_done, c);
	if (!c->lists)
		finish(c);
}

/* ---- names ---------------------------------------------------------------------------------- */

static void put_name(struct tcpd_client *c, const char *var, enum dns_status st, struct str name)
{
	if (st == DNS_OK && !str_has_ctl(name))
		buf_addf(&c->env, "%s=%.*s\n", var, STR_FMT(name));
	else if (st == DNS_TEMPFAIL || st == DNS_BADNAME)
		buf_addf(&c->env, "%s=softdnserr\n", var);
}

static uint64_t ask_name(struct tcpd_client *c, const struct access_addr *a, dns_name_done done)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr_in in = {.sin_family = AF_INET};
	memcpy(&in6.sin6_addr, a->b, 16);
	memcpy(&in.sin_addr, a->b + 12, 4);
	return dns_reverse(c->t->dns,
	    IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr) ? (const struct sockaddr *)&in
						 : (const struct sockaddr *)&in6,
	    done, c);
}

static void local_name(void *ctx, enum dns_status st, struct str name)
{
	struct tcpd_client *c = ctx;
	c->query = 0;
	put_name(c, "TCPLOCALHOST", st, name);
	ask_lists(c);
}

static void remote_name(void *ctx, enum dns_status st, struct str name)
{
	struct tcpd_client *c = ctx;
	put_name(c, "TCPREMOTEHOST", st, name);
	c->query = ask_name(c, &c->to, local_name);
	if (!c->query)
		ask_lists(c);
}

static void ask_names(struct tcpd_client *c)
{
	c->query = c->t->options.no_names ? 0 : ask_name(c, &c->from, remote_name);
	if (!c->query)
		ask_lists(c);
}

/* ---- the access table ----------------------------------------------------------------------- */

struct getter {
	struct table *table;
	struct buf value;
};

static int get(void *ctx, struct str key, struct str *value)
{
	struct getter *g = ctx;
	int r = table_get(g->table, key, &g->value);
	*value = buf_str(&g->value);
	return r;
}

/* Adds what an entry sets; false: it cannot be read, so nobody comes in by it. */
static bool apply(struct tcpd_client *c, int found, struct str action, bool *deny)
{
	bool entry = false;
	if (found < 0)
		return false;
	if (found > 0 && !access_action_parse(action, &c->env, &entry))
		return false;
	*deny = *deny || entry;
	return true;
}

static bool look_up(struct tcpd_client *c, bool *deny)
{
	struct getter g = {.table = c->t->access};
	struct str action;
	buf_init(&g.value, ACCESS_ACTION_MAX);
	bool good = apply(c, access_lookup(&c->from, get, &g, &action), action, deny);
	if (good && c->t->options.access_local)
		good = apply(
		    c, access_lookup_local(&c->to, c->to_port, get, &g, &action), action, deny);
	buf_free(&g.value);
	return good;
}

static void deny_client(struct tcpd_client *c)
{
	struct str text = c->t->options.deny_text;
	if (text.n) {
		char *line = mem_printf("%.*s\r\n", STR_FMT(text));
		(void)!send(c->fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
		free(line);
	}
	turn_away(c, "the access file denies it");
}

/* Variables that we were started with count for lists, too: they are not set again. */
static void inherit(struct tcpd_client *c)
{
	const struct tcpd_options *o = &c->t->options;
	for (size_t i = 0; i < o->n_lists; i++) {
		char *name = mem_strndup(o->lists[i].var.p, o->lists[i].var.n);
		const char *value = getenv(name);
		if (value && !str_has_ctl(str_of(value)))
			buf_addf(&c->env, "%s=%s\n", name, value);
		free(name);
	}
}

static uint32_t limit_per_ip(const struct tcpd_client *c)
{
	struct str text;
	uint64_t n;
	if (access_env(buf_str(&c->env), "MAXCPERIP", &text) && str_u64(text, &n) &&
	    n <= UINT32_MAX)
		return (uint32_t)n;
	return c->t->limits.per_ip;
}

static void describe(struct tcpd_client *c)
{
	char from[ADDRESS_TEXT], to[ADDRESS_TEXT];
	buf_addf(&c->env, "TCPREMOTEIP=%s\nTCPREMOTEPORT=%u\nTCPLOCALIP=%s\nTCPLOCALPORT=%u\n",
	    text_of(&c->from, from), c->from_port, text_of(&c->to, to), c->to_port);
}

/* Who it is is known. */
static void admit(struct tcpd_client *c)
{
	bool deny = false;
	describe(c);
	if (c->t->access && !look_up(c, &deny)) {
		turn_away(c, "the access file cannot be read");
		return;
	}
	inherit(c);
	if (deny)
		deny_client(c);
	else if (!slots_within(c->t->slots, &c->counted, limit_per_ip(c)))
		turn_away(c, "too many connections from this address (-maxperip)");
	else
		ask_names(c);
}

/* ---- the PROXY header ----------------------------------------------------------------------- */

/* The limits of the real client; MAXCPERIP is looked at later, so here the address may have more.
 */
static bool count_again(struct tcpd_client *c)
{
	struct slot_limits l = {c->t->limits.all, c->t->limits.per_net, UINT32_MAX};
	slots_leave(c->t->slots, &c->counted);
	c->counted = c->from;
	if (slots_enter(c->t->slots, &c->counted, &l))
		return true;
	l = (struct slot_limits){UINT32_MAX, UINT32_MAX, UINT32_MAX};
	if (!slots_enter(c->t->slots, &c->counted, &l))
		mem_alloc(SIZE_MAX / 2); /* no memory: the process may end of it */
	return false;
}

static void proxied(struct tcpd_client *c, const struct proxy_header *h, bool known)
{
	char by[ADDRESS_TEXT], drain[PROXY_HEADER_MAX];
	int one = 1;
	watch_free(c->watch);
	timer_free(c->timer);
	c->watch = NULL;
	c->timer = NULL;
	setsockopt(c->fd, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof one);
	if (h->used > sizeof drain ||
	    recv(c->fd, drain, h->used, MSG_DONTWAIT) != (ssize_t)h->used) {
		turn_away(c, "its PROXY header went away");
		return;
	}
	if (known) {
		buf_addf(&c->env, "TCPREMOTEINFO=PROXY %s\n", text_of(&c->from, by));
		c->from = h->from;
		c->to = h->to;
		c->from_port = h->from_port;
		c->to_port = h->to_port;
	}
	if (count_again(c))
		admit(c);
	else
		turn_away(c, "too many connections from this network (-maxperc)");
}

static void proxy_input(void *ctx, int fd, int what)
{
	struct tcpd_client *c = ctx;
	struct proxy_header h = {0};
	char bytes[PROXY_HEADER_MAX];
	int had = 1;
	socklen_t size = sizeof had;
	(void)what;
	ssize_t n = recv(fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	enum proxy_verdict v = n > 0 ? proxy_header_parse(str_at(bytes, (size_t)n), &h) : PROXY_BAD;
	/* What is not whole stays in the kernel, which wakes us when there is more; with no more
	 * than that it was the end of input. */
	getsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &had, &size);
	if (v == PROXY_MORE && n >= had) {
		int next = (int)n + 1;
		setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &next, sizeof next);
	} else if (v == PROXY_MORE || v == PROXY_BAD)
		turn_away(c, "no PROXY header came");
	else
		proxied(c, &h, v == PROXY_KNOWN);
}

static void proxy_late(void *ctx)
{
	turn_away(ctx, "no PROXY header came in time");
}

static void await_proxy(struct tcpd_client *c)
{
	c->watch = watch_new(c->t->loop, c->fd, proxy_input, c);
	c->timer = timer_new(c->t->loop, proxy_late, c);
	if (!c->watch || !c->timer) {
		turn_away(c, "no memory");
		return;
	}
	timer_set(c->timer, (int64_t)c->t->options.proxy_seconds * 1000);
	watch_set(c->watch, WATCH_READ);
}

/* ---- the beginning -------------------------------------------------------------------------- */

static struct tcpd_client *enlist(struct tcpd *t, int fd, const struct sockaddr_storage *peer)
{
	struct sockaddr_storage local = {0};
	socklen_t n = sizeof local;
	struct tcpd_client *c = mem_new(struct tcpd_client);
	c->t = t;
	c->fd = fd;
	buf_init(&c->env, TCPD_ENV_MAX);
	getsockname(fd, (struct sockaddr *)&local, &n);
	address_of(peer, &c->from, &c->from_port);
	address_of(&local, &c->to, &c->to_port);
	c->counted = c->from;
	c->next = t->clients;
	c->slot = &t->clients;
	if (c->next)
		c->next->slot = &c->next;
	t->clients = c;
	return c;
}

static void look_at_load(struct tcpd *t)
{
	uint32_t n = slots_count(t->slots);
	if (n > t->warn && !t->warned) {
		t->warned = true;
		log_warning(
		    NULL, "%u connections, of %u that may be (-maxprocs)", n, t->limits.all);
	}
	if (n >= t->limits.all) {
		t->full = true;
		tcpd_listening(t, false);
		log_alert("%u connections, as many as may be (-maxprocs): others wait", n);
	}
}

void tcpd_client_new(struct tcpd *t, int fd, const struct sockaddr_storage *peer)
{
	struct tcpd_client *c = enlist(t, fd, peer);
	struct slot_limits none = {t->limits.all, UINT32_MAX, UINT32_MAX}, l = t->limits;
	bool proxy = t->options.proxy && tcpd_proxy_port(&t->options, &c->to, c->to_port);
	int one = 1;
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
	l.per_ip = t->access ? UINT32_MAX : l.per_ip; /* MAXCPERIP may say more */
	if (!slots_enter(t->slots, &c->counted, proxy ? &none : &l)) {
		char ip[ADDRESS_TEXT];
		log_warning(NULL, "refused,ip=[%s],port=[%u]: too many connections",
		    text_of(&c->from, ip), c->from_port);
		forget(c, false);
		return;
	}
	look_at_load(t);
	if (proxy)
		await_proxy(c);
	else
		admit(c);
}
