/* The address, its hosts, the verdict. */
#include "config.h"

#include <stdlib.h>
#include "filters/filter-settings.h"
#include "filters/verifyfilter-conn.h"
#include "rfc822/rfc822.h"

enum { ARENA_MAX = 64 * 1024 };

/* ---- what all share -------------------------------------------------------------------------- */

static bool read_routes(struct callout_env *e)
{
	struct str line;
	for (size_t at = 0; config_each(e->config, "verify", "esmtproutes", &at, &line);) {
		const char *wrong = routes_add(e->routes, line);
		if (wrong) {
			log_error(NULL, "esmtproutes: '%.*s': %s", STR_FMT(line), wrong);
			return false;
		}
	}
	return true;
}

/* The one line; its form was checked with the settings. */
static struct socks_proxy *read_proxy(const struct config *c)
{
	struct socks_proxy *p = mem_new(struct socks_proxy);
	size_t at = 0;
	struct str line;
	if (config_each(c, "verify", "esmtpsocks", &at, &line) && !socks_proxy_parse(line, p))
		return p;
	free(p);
	return NULL;
}

struct callout_env *callout_env_new(struct loop *l, const struct instance *in, struct config *c)
{
	struct callout_env *e = mem_new(struct callout_env);
	e->loop = l;
	e->config = config_hold(c);
	e->me = config_own_name(c, NULL);
	e->routes = routes_new();
	e->starttls = config_bool(c, "verify", "ESMTP_USE_STARTTLS", NULL);
	e->connect_ms = config_int(c, "verify", "esmtptimeoutconnect", NULL) * 1000;
	if (!e->connect_ms || e->connect_ms > CALLOUT_CONNECT_MS)
		e->connect_ms = CALLOUT_CONNECT_MS;
	e->proxy = read_proxy(c);
	e->tls = tls_client_new(c, "verify");
	if (!e->tls)
		log_warning(NULL, "TLS cannot be used; hosts are asked in clear");
	e->dns = dns_new(l, in);
	if (!e->dns || !read_routes(e)) {
		callout_env_free(e);
		return NULL;
	}
	dns_prefer_ipv6(e->dns, config_bool(c, "verify", "ESMTP_PREFER_IPV6_MX", NULL));
	return e;
}

void callout_env_free(struct callout_env *e)
{
	if (!e)
		return;
	dns_free(e->dns);
	tls_client_free(e->tls);
	if (e->proxy)
		mem_wipe(e->proxy, sizeof *e->proxy);
	free(e->proxy);
	routes_free(e->routes);
	config_drop(e->config);
	free(e->me);
	free(e);
}

bool callout_domain(struct arena *a, struct str address, struct str *domain)
{
	struct str rest = address;
	struct mailpath path;
	if (str_has_ctl(address) ||
	    mailpath_parse(a, &rest, MAILPATH_NO_ANGLE | MAILPATH_UTF8, &path) != MAILPATH_OK)
		return false;
	*domain = path.domain;
	return path.local.n && path.domain.n;
}

/* ---- the verdict ----------------------------------------------------------------------------- */

void callout_note(struct callout *c, enum verify_verdict v, uint16_t code, const char *fmt, ...)
{
	va_list ap;
	if (c->known && c->verdict == VERIFY_LATER && v == VERIFY_BAD)
		return;
	c->known = true;
	c->verdict = v;
	c->code = code;
	buf_clear(&c->text);
	buf_clear(&c->about);
	buf_clear(&c->on_command);
	va_start(ap, fmt);
	buf_vaddf(&c->text, fmt, ap);
	va_end(ap);
	buf_addz(&c->about, c->peer.remote);
	buf_adds(&c->on_command, buf_str(&c->command));
}

static void free_it(struct callout *c)
{
	callout_disconnect(c);
	if (c->lookup)
		dns_cancel(c->env->dns, c->lookup);
	for (size_t i = 0; i < c->n_hosts; i++)
		free(c->hosts[i].name);
	reply_free(&c->reply);
	timer_free(c->timer);
	timer_free(c->end);
	buf_free(&c->command);
	buf_free(&c->text);
	buf_free(&c->about);
	buf_free(&c->on_command);
	arena_free(c->arena);
	free(c);
}

void callout_finish(struct callout *c)
{
	struct callout_result r = {.verdict = c->verdict,
	    .code = c->code,
	    .remote = buf_str(&c->about),
	    .command = buf_str(&c->on_command),
	    .text = buf_str(&c->text)};
	callout_disconnect(c);
	c->done(c->ctx, &r);
	free_it(c);
}

void callout_cancel(struct callout *c)
{
	free_it(c);
}

/* ---- hosts ----------------------------------------------------------------------------------- */

static bool family_fits(const struct callout *c, const struct sockaddr_storage *a)
{
	if (c->route.family == ROUTE_IPV4)
		return a->ss_family == AF_INET;
	return c->route.family != ROUTE_IPV6 || a->ss_family == AF_INET6;
}

static void take_hosts(struct callout *c, const struct dns_mx *mx)
{
	for (size_t i = 0; i < mx->n_hosts; i++)
		for (size_t k = 0; k < mx->hosts[i].n_addrs; k++) {
			if (c->n_hosts == CALLOUT_HOSTS_MAX ||
			    !family_fits(c, &mx->hosts[i].addrs[k]))
				continue;
			struct callout_host *h = &c->hosts[c->n_hosts++];
			h->name = mem_strdup(mx->hosts[i].name);
			h->addr = mx->hosts[i].addrs[k];
			/* the port stands at the same place for both families */
			((struct sockaddr_in *)&h->addr)->sin_port = htons(c->route.port);
		}
}

/* Why there are no hosts.  A relay is the administrator's word: what is wrong with it says nothing
 * about the address. */
static void no_hosts(struct callout *c, const struct dns_mx *mx)
{
	enum verify_verdict never = c->route.relay.n ? VERIFY_LATER : VERIFY_BAD;
	if (mx->null_mx)
		callout_note(c, never, 0, "The domain takes no mail.");
	else if (mx->status == DNS_TEMPFAIL || mx->partial_fail)
		callout_note(c, VERIFY_LATER, 0, "DNS look-up failed for now.");
	else if (mx->status == DNS_NXDOMAIN || mx->status == DNS_BADNAME)
		callout_note(c, never, 0, "No such domain.");
	else
		callout_note(c, never, 0, "The domain has no mail host.");
}

static void found(void *ctx, const struct dns_mx *mx)
{
	struct callout *c = ctx;
	c->lookup = 0;
	if (mx->status == DNS_OK && !mx->null_mx)
		take_hosts(c, mx);
	if (!c->n_hosts) {
		no_hosts(c, mx);
		callout_finish(c);
		return;
	}
	callout_connect(c);
}

static void look_up(struct callout *c)
{
	struct str name = c->route.relay.n ? c->route.relay : c->domain;
	struct dns *d = c->env->dns;
	c->lookup = name.p[0] == '[' ? dns_addresses(d, name, found, c) : dns_mx(d, name, found, c);
}

/* ---- start ----------------------------------------------------------------------------------- */

static void too_late(void *ctx)
{
	struct callout *c = ctx;
	callout_note(c, VERIFY_LATER, 0, "No verdict within %d seconds.", CALLOUT_MS / 1000);
	callout_finish(c);
}

/* Nothing to ask anybody: told at the loop's next turn. */
static void at_once(void *ctx)
{
	callout_finish(ctx);
}

struct callout *callout_start(
    struct callout_env *e, struct str address, callout_done done, void *ctx)
{
	struct callout *c = mem_new(struct callout);
	c->env = e;
	c->done = done;
	c->ctx = ctx;
	c->fd = -1;
	reply_init(&c->reply);
	buf_init(&c->command, CALLOUT_TEXT_MAX);
	buf_init(&c->text, CALLOUT_TEXT_MAX);
	buf_init(&c->about, sizeof c->peer.remote);
	buf_init(&c->on_command, CALLOUT_TEXT_MAX);
	c->arena = arena_new(ARENA_MAX);
	c->address = c->arena ? arena_str(c->arena, address) : STR_NONE;
	if (c->address.p && callout_domain(c->arena, c->address, &c->domain)) {
		c->end = timer_new(e->loop, too_late, c);
		timer_set(c->end, CALLOUT_MS);
		c->route = routes_find(e->routes, c->domain);
		look_up(c);
		return c;
	}
	callout_note(c, VERIFY_BAD, 0, "Invalid email address");
	c->end = timer_new(e->loop, at_once, c);
	timer_set(c->end, 0);
	return c;
}
