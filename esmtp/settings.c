#include <stdlib.h>
#include "esmtp/esmtp.h"

static int64_t ms(const struct config *c, const char *name, const char *vhost)
{
	return config_int(c, "esmtp", name, vhost) * 1000;
}

/* Faults are logged by line; passwords are not. */
static bool read_lines(struct settings *s, const char *vhost)
{
	struct str line;
	bool good = true;
	for (size_t at = 0; config_each_of(s->config, "esmtp", "esmtproutes", vhost, &at, &line);) {
		const char *wrong = routes_add(s->routes, line);
		if (wrong) {
			log_error(NULL, "esmtproutes: '%.*s': %s", STR_FMT(line), wrong);
			good = false;
		}
	}
	for (size_t at = 0;
	     config_each_of(s->config, "esmtp", "esmtpauthclient", vhost, &at, &line);) {
		const char *wrong = authclient_add(s->authclient, line);
		if (wrong) {
			log_error(NULL, "esmtpauthclient: %s", wrong);
			good = false;
		}
	}
	return good;
}

/* The one line of esmtpsocks; its form was checked with the settings. */
static struct socks_proxy *read_proxy(const struct config *c, const char *vhost)
{
	struct socks_proxy *p = mem_new(struct socks_proxy);
	struct str line;
	for (size_t at = 0; config_each_of(c, "esmtp", "esmtpsocks", vhost, &at, &line);)
		if (!socks_proxy_parse(line, p))
			return p;
	free(p);
	return NULL;
}

/* backuprelay is a route for everything. */
static struct routes *backup_route(const struct config *c, const char *vhost)
{
	struct str relay = config_str(c, "esmtp", "backuprelay", vhost);
	if (!relay.n)
		return NULL;
	struct routes *r = routes_new();
	char *line = mem_printf(":%.*s", STR_FMT(relay));
	routes_add(r, str_of(line)); /* its form was checked with the settings */
	free(line);
	return r;
}

static struct settings *settings_read(struct config *c, const char *vhost)
{
	struct settings *s = mem_new(struct settings);
	s->config = config_hold(c);
	s->me = config_own_name(c, vhost);
	s->routes = routes_new();
	s->backup = backup_route(c, vhost);
	s->authclient = authclient_new();
	s->proxy = read_proxy(c, vhost);
	s->command_ms = ms(c, "esmtptimeout", vhost);
	s->connect_ms = ms(c, "esmtptimeoutconnect", vhost);
	s->data_ms = ms(c, "esmtptimeoutdata", vhost);
	s->helo_ms = ms(c, "esmtptimeouthelo", vhost);
	s->keepalive_ms = ms(c, "esmtptimeoutkeepalive", vhost);
	s->ping_ms = ms(c, "esmtptimeoutkeepaliveping", vhost);
	s->quit_ms = ms(c, "esmtptimeoutquit", vhost);
	s->down_s = config_int(c, "esmtp", "esmtpdelay", vhost);
	s->warn_s = config_int(c, "esmtp", "warntime", vhost);
	s->max_connections = (size_t)config_int(c, "esmtp", "ESMTP_MAXHOSTCONNECTIONS", NULL);
	s->starttls = config_bool(c, "esmtp", "ESMTP_USE_STARTTLS", NULL);
	s->verify_domain = config_bool(c, "esmtp", "ESMTP_TLS_VERIFY_DOMAIN", NULL);
	s->verify_chain = !str_iis(config_str(c, "esmtp", "TLS_VERIFYPEER", NULL), "NONE");
	s->sts = s->starttls && config_str(c, "esmtp", "TLS_TRUSTCERTS", NULL).n;
	signed_mode_parse(config_str(c, "esmtp", "ESMTP_SIGNED_8BIT", NULL), &s->signed_8bit);
	signed_mode_parse(config_str(c, "esmtp", "ESMTP_DKIM_8BIT", NULL), &s->dkim_8bit);
	if (read_lines(s, vhost))
		return s;
	settings_free(s);
	return NULL;
}

struct settings *settings_new(struct config *c)
{
	return settings_read(c, NULL);
}

static void free_one(void *s)
{
	settings_free(s);
}

/* Made when the first mail of that virtual host comes; without memory the general ones count. */
struct settings *settings_of(struct settings *s, struct str vhost)
{
	if (!vhost.n || (!s->vhosts && !(s->vhosts = map_new())))
		return s;
	struct settings *own = map_get(s->vhosts, vhost);
	if (own)
		return own;
	char *key = mem_strndup(vhost.p, vhost.n);
	if (config_vhost_known(s->config, &esmtp_component, key))
		own = settings_read(s->config, key);
	free(key);
	if (own && map_set(s->vhosts, vhost, own))
		return own;
	settings_free(own);
	return s;
}

void settings_free(struct settings *s)
{
	if (!s)
		return;
	map_free(s->vhosts, free_one);
	routes_free(s->routes);
	routes_free(s->backup);
	authclient_free(s->authclient);
	if (s->proxy)
		mem_wipe(s->proxy, sizeof *s->proxy);
	free(s->proxy);
	config_drop(s->config);
	free(s->me);
	free(s);
}

bool settings_drops_source(const struct settings *s, struct str source)
{
	struct str word;
	for (size_t at = 0; config_each(s->config, "esmtp", "ESMTP_BLOCKBACKSCATTER", &at, &word);)
		if (str_eq(word, source))
			return true;
	return false;
}
