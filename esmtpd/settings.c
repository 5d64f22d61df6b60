/* Every setting of the ESMTP server. */
#include "config.h"
#include <stdlib.h>
#include "esmtpd/esmtpd.h"

#define ROW(n_, t_, d_, h_)                                           \
	{                                                             \
		.name = (n_), .type = (t_), .def = (d_), .help = (h_) \
	}
#define RANGE(n_, t_, d_, lo_, hi_, h_)                                                           \
	{                                                                                         \
		.name = (n_), .type = (t_), .def = (d_), .min = (lo_), .max = (hi_), .help = (h_) \
	}
#define ALONE(n_, t_, d_, lo_, hi_, h_)                                                            \
	{                                                                                          \
		.name = (n_), .type = (t_), .def = (d_), .min = (lo_), .max = (hi_), .file = (n_), \
		.help = (h_)                                                                       \
	}

#define SERVER_ROWS(auth_required)                                                                 \
	ROW("ADDRESS", CONFIG_STRING, "0", "address to listen on; 0: all"),                        \
	    ROW("PORT", CONFIG_LIST, "smtp", "ports, or ADDRESS.PORT, to listen on"),              \
	    ROW("SSLADDRESS", CONFIG_STRING, "0", "ADDRESS of the port with TLS at once"),         \
	    ROW("SSLPORT", CONFIG_LIST, "465", "PORT of the port with TLS at once"),               \
	    ROW("ESMTPDSTART", CONFIG_BOOL, "NO", "start this server with the others"),            \
	    ROW("ESMTPDSSLSTART", CONFIG_BOOL, "NO", "start the server with TLS at once"),         \
	    RANGE("MAXDAEMONS", CONFIG_INT, "1000", 1, 65000, "connections at a time"),            \
	    RANGE("MAXPERIP", CONFIG_INT, "100", 1, 65000, "of them from one address"),            \
	    RANGE("MAXPERC", CONFIG_INT, "200", 1, 65000, "of them from one /24 (IPv6: /64)"),     \
	    ROW("TCPDOPTS", CONFIG_STRING, "", "-nodnslookup: clients' names are not looked up"),  \
	    ROW("ESMTPAUTH", CONFIG_STRING, NULL, "mechanisms without TLS; unset: the safe ones"), \
	    ROW("ESMTPAUTH_TLS", CONFIG_STRING, NULL, "mechanisms under TLS; unset: all"),         \
	    ROW("AUTH_REQUIRED", CONFIG_BOOL, auth_required, "no mail without authentication"),    \
	    ROW("ESMTP_TLS_REQUIRED", CONFIG_BOOL, "0", "no mail without TLS"),                    \
	    ROW("BOFHNOVRFY", CONFIG_BOOL, "0", "VRFY tells nothing"),                             \
	    ROW("BOFHNOEXPN", CONFIG_BOOL, "0", "EXPN tells nothing"),                             \
	    ROW("TARPIT", CONFIG_BOOL, "1", "errors are answered more and more slowly"),           \
	    RANGE("TARPIT_MAX", CONFIG_TIME, "16", 1, 300, "longest delay by TARPIT"),             \
	    ROW("ESMTP_LOG_DIALOG", CONFIG_BOOL, "0", "log every command and reply"),              \
	    RANGE("ESMTP_LINE_MAX", CONFIG_SIZE, "2048", 1000, 65536, "longest command line"),     \
	    RANGE("ESMTP_MAXBAD", CONFIG_INT, "20", 1, 1000000, "faulty commands in a session"),   \
	    RANGE("ESMTP_MAXREFUSED", CONFIG_INT, "200", 1, 1000000, "refused addresses"),         \
	    RANGE("ESMTP_MAXIDLE", CONFIG_INT, "100", 5, 1000000, "commands between messages"),    \
	    RANGE("ESMTP_SESSION_TIMEOUT", CONFIG_TIME, "4h", 60, 0, "longest session"),           \
	    ALONE("esmtptimeout", CONFIG_TIME, "10m", 1, 0, "longest wait for a command"),         \
	    ALONE("esmtptimeoutdata", CONFIG_TIME, "5m", 1, 0, "longest silence in a message"),    \
	    TLS_SERVER_ROWS

static const struct config_setting smtp_rows[] = {SERVER_ROWS("0")};
/* RFC 6409 and RFC 8314: what submits says who it is */
static const struct config_setting submission_rows[] = {SERVER_ROWS("1")};

/* Names that are not rows here are the gate's, or an administrator's for filters. */
#define COMPONENT(id, n_, rows_, o_)                    \
	const struct config_component id = {.name = n_, \
	    .file = "esmtpd",                           \
	    .overlay = o_,                              \
	    .settings = rows_,                          \
	    .n = ARRAY_LEN(rows_),                      \
	    .foreign_ok = true}
COMPONENT(esmtpd_settings, "esmtpd", smtp_rows, NULL);
COMPONENT(esmtpd_msa_settings, "esmtpd-msa", submission_rows, "esmtpd-msa");
COMPONENT(esmtpd_ssl_settings, "esmtpd-ssl", submission_rows, "esmtpd-ssl");

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

struct door_settings *door_settings_new(const struct config *c, const char *component)
{
	struct door_settings *d = mem_new(struct door_settings);
	struct str tcpd = config_str(c, component, "TCPDOPTS", NULL);

	d->refs = 1;
	d->auth_required = config_bool(c, component, "AUTH_REQUIRED", NULL);
	d->tls_required = config_bool(c, component, "ESMTP_TLS_REQUIRED", NULL);
	d->tls_at_once = strcmp(component, "esmtpd-ssl") == 0;
	d->tarpit = config_bool(c, component, "TARPIT", NULL);
	d->no_vrfy = config_bool(c, component, "BOFHNOVRFY", NULL);
	d->no_expn = config_bool(c, component, "BOFHNOEXPN", NULL);
	d->log_dialog = config_bool(c, component, "ESMTP_LOG_DIALOG", NULL);
	d->reverse_dns = str_find(tcpd, STR("-nodnslookup")) < 0;
	read_auth(d, c, component);
	d->max_total = number(c, component, "MAXDAEMONS");
	d->max_per_ip = number(c, component, "MAXPERIP");
	d->max_per_net = number(c, component, "MAXPERC");
	d->max_bad = number(c, component, "ESMTP_MAXBAD");
	d->max_refused = number(c, component, "ESMTP_MAXREFUSED");
	d->max_idle = number(c, component, "ESMTP_MAXIDLE");
	d->line_max = number(c, component, "ESMTP_LINE_MAX");
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
	free(d);
}
