#include "esmtp/connect.h"
#include <errno.h>
#include <unistd.h>
#include "smtp/socks.h"

/* What ipout or ip6out says; an empty ipout.ADDRESS of a virtual host means that address.  The name
 * of one that is no address of this family leaves the choice to the system. */
static struct str source_address(const struct conn *c, int family)
{
	const struct config *config = target_settings(c->t)->config;
	const char *name = family == AF_INET6 ? "ip6out" : "ipout", *vhost = c->t->vhost;
	struct str s = config_str(config, "esmtp", name, vhost);
	if (s.n == 0 && config_is_own(config, "esmtp", name, vhost))
		s = str_of(vhost);
	return str_is(s, vhost ? vhost : "") && !outgoing_is_address(s, family) ? STR_NONE : s;
}

/* ---- attempts -------------------------------------------------------------------------------- */

static void attempt_drop(struct attempt *a)
{
	watch_free(a->watch);
	a->watch = NULL;
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
}

void connect_init(struct conn *c)
{
	for (size_t i = 0; i < ARRAY_LEN(c->attempts); i++)
		c->attempts[i] = (struct attempt){.conn = c, .fd = -1};
}

void connect_drop(struct conn *c)
{
	for (size_t i = 0; i < ARRAY_LEN(c->attempts); i++)
		attempt_drop(&c->attempts[i]);
	timer_clear(c->timer);
}

static void use(struct conn *c, const struct candidate *k)
{
	outgoing_name(&k->addr, k->host, &c->peer);
	c->need = k->need;
}

static const struct candidate *candidate_of(const struct conn *c, size_t i)
{
	return i < c->t->candidates.n ? &c->t->candidates.v[i] : NULL;
}

static void failed(struct conn *c, int e)
{
	conn_trouble(c, NULL, "4.4.1", "%s%s", target_settings(c->t)->proxy ? "SOCKS proxy: " : "",
	    strerror(e));
}

/* The administrator has named a source address: is it that this host does not have it? */
static void start_failed(struct conn *c, const struct candidate *k, int e)
{
	struct str from = source_address(c, k->addr.ss_family);
	if (target_settings(c->t)->proxy || e != EADDRNOTAVAIL || !from.n || str_is(from, "0"))
		failed(c, e);
	else
		conn_trouble(c, NULL, "4.4.1", "cannot send from the address '%.*s' of %s: %s",
		    STR_FMT(from), k->addr.ss_family == AF_INET6 ? "ip6out" : "ipout", strerror(e));
}

static void won(struct attempt *a)
{
	struct conn *c = a->conn;
	const struct candidate *k = candidate_of(c, a->candidate);
	int fd = a->fd;
	if (!k) { /* looked up anew meanwhile */
		failed(c, ECANCELED);
		return;
	}
	use(c, k);
	c->used = a->candidate;
	a->fd = -1;
	connect_drop(c);
	conn_connected(c, fd, &k->addr);
}

static struct attempt *other(struct attempt *a)
{
	struct conn *c = a->conn;
	return a == &c->attempts[0] ? &c->attempts[1] : &c->attempts[0];
}

static void attempt_event(void *ctx, int fd, int what UNUSED)
{
	struct attempt *a = ctx;
	struct conn *c = a->conn;
	int e = outgoing_error(fd);
	if (!e) {
		won(a);
		return;
	}
	attempt_drop(a);
	if (other(a)->fd < 0)
		failed(c, e);
}

static int attempt_start(struct attempt *a, size_t candidate)
{
	struct conn *c = a->conn;
	const struct socks_proxy *proxy = target_settings(c->t)->proxy;
	const struct candidate *k = &c->t->candidates.v[candidate];
	const struct sockaddr_storage *to = proxy ? &proxy->addr : &k->addr;
	a->candidate = candidate;
	a->fd = outgoing_connect(to, source_address(c, to->ss_family));
	if (a->fd < 0)
		return -1;
	a->watch = watch_new(c->e->loop, a->fd, attempt_event, a);
	if (a->watch) {
		watch_set(a->watch, WATCH_WRITE);
		return 0;
	}
	errno = ENOMEM;
	attempt_drop(a);
	return -1;
}

/* Once for each rival. */
static bool may_race(const struct conn *c)
{
	const struct target *t = c->t;
	if (target_settings(c->t)->proxy || c->candidate >= t->candidates.n)
		return false;
	ptrdiff_t i = connect_rival(t->candidates.v, t->candidates.n, c->candidate);
	return i != RACE_NONE && c->raced != (size_t)i + 1;
}

void connect_again(struct conn *c)
{
	int64_t limit = target_settings(c->t)->connect_ms;
	if (c->used >= c->t->candidates.n || attempt_start(&c->attempts[0], c->used))
		failed(c, c->used >= c->t->candidates.n ? ECANCELED : errno);
	else if (limit)
		timer_set(c->timer, limit);
}

void connect_begin(struct conn *c)
{
	int64_t limit = target_settings(c->t)->connect_ms;
	if (c->candidate && c->raced == c->candidate + 1)
		c->candidate++; /* has had its try beside another one */
	const struct candidate *k = candidate_of(c, c->candidate);
	if (!k) {
		conn_no_more(c);
		return;
	}
	use(c, k);
	if (attempt_start(&c->attempts[0], c->candidate)) {
		start_failed(c, k, errno);
		return;
	}
	if (may_race(c) && (!limit || limit > RACE_MS))
		timer_set(c->timer, RACE_MS);
	else if (limit)
		timer_set(c->timer, limit);
}

/* The other one has the whole time too. */
static void race(struct conn *c)
{
	const struct target *t = c->t;
	int64_t limit = target_settings(c->t)->connect_ms;
	ptrdiff_t i = connect_rival(t->candidates.v, t->candidates.n, c->candidate);
	c->raced = (size_t)i + 1;
	(void)attempt_start(&c->attempts[1], (size_t)i);
	if (limit)
		timer_set(c->timer, limit);
}

void connect_time_over(struct conn *c)
{
	if (may_race(c))
		race(c);
	else
		failed(c, ETIMEDOUT);
}

/* ---- by way of a proxy ----------------------------------------------------------------------- */

void connect_socks(struct conn *c)
{
	const char *why = NULL;
	int r = socks_stream_feed(&c->socks, c->st, &why);
	if (r < 0)
		conn_trouble(c, NULL, "4.4.1", "the SOCKS proxy gives no connection: %s", why);
	else if (r > 0)
		session_start(c);
}
