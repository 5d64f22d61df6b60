/* The settings of a listener, resolved. */
#include "config.h"

#include <stdlib.h>
#include "esmtpd/esmtpd.h"

enum { MECHANISMS_MAX = 1024 };

/* The words of a setting, or, when nobody has set it, what authdaemond's configuration has. */
static char *mechanisms(const struct config *c, const char *component, const char *name, bool tls)
{
	struct str words, word;
	struct buf out, all;
	char *z;

	buf_init(&out, MECHANISMS_MAX);
	if (config_is_set(c, component, name)) {
		words = config_str(c, component, name, NULL);
		while (str_word(&words, &word))
			buf_addf(&out, "%s%.*s", out.n ? " " : "", STR_FMT(word));
	} else {
		buf_init(&all, MECHANISMS_MAX);
		auth_mechanisms(c, tls, &all);
		words = buf_str(&all);
		while (str_word(&words, &word)) /* no password in clear unless somebody says so */
			if (tls || (!str_iis(word, "PLAIN") && !str_iis(word, "LOGIN")))
				buf_addf(&out, "%s%.*s", out.n ? " " : "", STR_FMT(word));
		buf_free(&all);
	}
	for (size_t i = 0; i < out.n; i++)
		out.p[i] = (char)ascii_upper((unsigned char)out.p[i]);
	z = mem_strndup(out.p, out.n);
	buf_free(&out);
	return z;
}

static void read_auth(struct door_settings *d, const struct config *c, const char *component)
{
	d->auth = mechanisms(c, component, "ESMTPAUTH", false);
	/* the original: an empty list for TLS means the other list */
	if (config_is_set(c, component, "ESMTPAUTH") &&
	    !config_str(c, component, "ESMTPAUTH_TLS", NULL).n)
		d->auth_tls = mem_strdup(d->auth);
	else
		d->auth_tls = mechanisms(c, component, "ESMTPAUTH_TLS", true);
}

static uint32_t number(const struct config *c, const char *component, const char *name)
{
	return (uint32_t)config_int(c, component, name, NULL);
}

/* How the gate is to treat the headers and bodies of what comes in here. */
static char *gate_env(const struct config *c, const char *component)
{
	struct str mime = config_str(c, component, "MIME", NULL);
	return mem_printf("NOADDDATE=%d\nNOADDMSGID=%d\nNOADDRREWRITE=%u\n%s%.*s%s",
	    config_bool(c, component, "NOADDDATE", NULL),
	    config_bool(c, component, "NOADDMSGID", NULL), number(c, component, "NOADDRREWRITE"),
	    mime.n ? "MIME=" : "", STR_FMT(mime), mime.n ? "\n" : "");
}

static unsigned discard(const struct config *c, const char *component)
{
	struct str words = config_str(c, component, "ESMTP_DISCARD", NULL), word;
	unsigned ext = 0;

	while (str_word(&words, &word))
		ext |= smtp_ext_find(word);
	return ext;
}

/* ---- balancers ------------------------------------------------------------------------------- */

bool door_proxy_from(const struct door_settings *d, const struct access_addr *addr)
{
	struct str action;

	return d->proxy_from && access_lookup(addr, access_get, d->proxy_from, &action) > 0;
}

static void read_options(struct door_settings *d, const struct config *c, const char *component)
{
	struct str word;
	const char *wrong;

	d->arena = arena_new(4 * TCPD_TEXT_MAX);
	wrong = d->arena ? tcpd_options_parse(d->arena, config_str(c, component, "TCPDOPTS", NULL),
			       &d->options, &word)
			 : NULL;
	if (wrong)
		log_warning(NULL, "TCPDOPTS: '%.*s': %s", STR_FMT(word), wrong);
	d->proxy_from = access_list_new(config_str(c, component, "HAPROXY_FROM", NULL), NULL);
	if (d->options.proxy && !d->proxy_from)
		log_warning(
		    NULL, "%s: -haproxy does nothing while HAPROXY_FROM lists nobody", component);
	d->reverse_dns = !d->options.no_names;
	d->max_total = number(c, component, "MAXDAEMONS");
	d->max_per_ip = number(c, component, "MAXPERIP");
	d->max_per_net = number(c, component, "MAXPERC");
	if (d->options.max_procs)
		d->max_total = d->options.max_procs;
	if (d->options.max_ip)
		d->max_per_ip = d->options.max_ip;
	if (d->options.max_net)
		d->max_per_net = d->options.max_net;
	d->warn = d->options.warn ? d->options.warn : d->max_total - d->max_total / 10;
}

static void read_tls(struct door_settings *d, const struct config *c, const char *component)
{
	d->starttls = config_str(c, component, "COURIERTLS", NULL).n > 0;
	if (config_bool(c, component, "TLS_DEBUG_FAIL_STARTTLS_HARD", NULL))
		d->tls_fail = TLS_FAIL_HARD;
	else if (config_bool(c, component, "TLS_DEBUG_FAIL_STARTTLS_SOFT", NULL))
		d->tls_fail = TLS_FAIL_SOFT;
}

struct door_settings *door_settings_new(const struct config *c, const char *component)
{
	struct door_settings *d = mem_new(struct door_settings);

	d->refs = 1;
	d->auth_required = config_bool(c, component, "AUTH_REQUIRED", NULL);
	d->tls_required = config_bool(c, component, "ESMTP_TLS_REQUIRED", NULL);
	d->tls_at_once = strcmp(component, "esmtpd-ssl") == 0;
	read_tls(d, c, component);
	d->tarpit = config_bool(c, component, "TARPIT", NULL);
	d->no_vrfy = config_bool(c, component, "BOFHNOVRFY", NULL);
	d->no_expn = config_bool(c, component, "BOFHNOEXPN", NULL);
	d->log_dialog = config_bool(c, component, "ESMTP_LOG_DIALOG", NULL);
	read_options(d, c, component);
	read_auth(d, c, component);
	d->external = mem_strdup(config_z(c, component, "TLS_EXTERNAL", NULL));
	d->gate_env = gate_env(c, component);
	d->max_bad = number(c, component, "ESMTP_MAXBAD");
	d->max_refused = number(c, component, "ESMTP_MAXREFUSED");
	d->max_idle = number(c, component, "ESMTP_MAXIDLE");
	d->line_max = number(c, component, "ESMTP_LINE_MAX");
	d->max_mails = number(c, component, "ESMTP_MAXMAILS");
	d->discard = discard(c, component);
	d->hold_max = config_int(c, component, "ESMTP_MAXHOLD", NULL);
	d->tarpit_max_ms = config_int(c, component, "TARPIT_MAX", NULL) * 1000;
	d->command_ms = config_int(c, component, "esmtptimeout", NULL) * 1000;
	d->data_ms = config_int(c, component, "esmtptimeoutdata", NULL) * 1000;
	d->session_ms = config_int(c, component, "ESMTP_SESSION_TIMEOUT", NULL) * 1000;
	return d;
}

struct door_settings *door_settings_hold(struct door_settings *d)
{
	d->refs++;
	return d;
}

void door_settings_drop(struct door_settings *d)
{
	if (!d || --d->refs)
		return;
	free(d->auth);
	free(d->auth_tls);
	free(d->external);
	free(d->gate_env);
	access_free(d->proxy_from);
	arena_free(d->arena);
	free(d);
}
