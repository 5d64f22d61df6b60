#include <stdlib.h>
#include "esmtp/esmtp.h"

static int64_t ms(const struct config *c, const char *name)
{
	return config_int(c, "esmtp", name, NULL) * 1000;
}

/* Faults are logged by line; passwords are not. */
static bool read_lines(struct settings *s)
{
	struct str line;
	bool good = true;
	for (size_t at = 0; config_each(s->config, "esmtp", "esmtproutes", &at, &line);) {
		const char *wrong = routes_add(s->routes, line);
		if (wrong) {
			log_error(NULL, "esmtproutes: '%.*s': %s", STR_FMT(line), wrong);
			good = false;
		}
	}
	for (size_t at = 0; config_each(s->config, "esmtp", "esmtpauthclient", &at, &line);) {
		const char *wrong = authclient_add(s->authclient, line);
		if (wrong) {
			log_error(NULL, "esmtpauthclient: %s", wrong);
			good = false;
		}
	}
	return good;
}

/* The one line of esmtpsocks; its form was checked with the settings. */
static struct socks_proxy *read_proxy(const struct config *c)
{
	struct socks_proxy *p = mem_new(struct socks_proxy);
	struct str line;
	for (size_t at = 0; config_each(c, "esmtp", "esmtpsocks", &at, &line);)
		if (!socks_proxy_parse(line, p))
			return p;
	free(p);
	return NULL;
}

/* backuprelay is a route for everything. */
static struct routes *backup_route(const struct config *c)
{
	struct str relay = config_str(c, "esmtp", "backuprelay", NULL);
	if (!relay.n)
		return NULL;
	struct routes *r = routes_new();
	char *line = mem_printf(":%.*s", STR_FMT(relay));
	routes_add(r, str_of(line)); /* its form was checked with the settings */
	free(line);
	return r;
}

struct settings *settings_new(struct config *c)
{
	struct settings *s = mem_new(struct settings);
	s->config = config_hold(c);
	s->me = config_own_name(c, NULL);
	s->routes = routes_new();
	s->backup = backup_route(c);
	s->authclient = authclient_new();
	s->proxy = read_proxy(c);
	s->command_ms = ms(c, "esmtptimeout");
	s->connect_ms = ms(c, "esmtptimeoutconnect");
	s->data_ms = ms(c, "esmtptimeoutdata");
	s->helo_ms = ms(c, "esmtptimeouthelo");
	s->keepalive_ms = ms(c, "esmtptimeoutkeepalive");
	s->ping_ms = ms(c, "esmtptimeoutkeepaliveping");
	s->quit_ms = ms(c, "esmtptimeoutquit");
	s->down_s = config_int(c, "esmtp", "esmtpdelay", NULL);
	s->warn_s = config_int(c, "esmtp", "warntime", NULL);
	s->max_connections = (size_t)config_int(c, "esmtp", "ESMTP_MAXHOSTCONNECTIONS", NULL);
	s->starttls = config_bool(c, "esmtp", "ESMTP_USE_STARTTLS", NULL);
	s->verify_domain = config_bool(c, "esmtp", "ESMTP_TLS_VERIFY_DOMAIN", NULL);
	s->verify_chain = !str_iis(config_str(c, "esmtp", "TLS_VERIFYPEER", NULL), "NONE");
	s->sts = s->starttls && config_str(c, "esmtp", "TLS_TRUSTCERTS", NULL).n;
	signed_mode_parse(config_str(c, "esmtp", "ESMTP_SIGNED_8BIT", NULL), &s->signed_8bit);
	signed_mode_parse(config_str(c, "esmtp", "ESMTP_DKIM_8BIT", NULL), &s->dkim_8bit);
	if (read_lines(s))
		return s;
	settings_free(s);
	return NULL;
}

void settings_free(struct settings *s)
{
	if (!s)
		return;
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
