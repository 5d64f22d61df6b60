/* Every setting of the ESMTP server. */
#include "config.h"
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

static bool valid_mime(struct str v)
{
	return v.n == 0 || str_iis(v, "none") || str_iis(v, "7bit") || str_iis(v, "8bit");
}

static bool valid_name(struct str v)
{
	for (size_t i = 0; i < v.n; i++)
		if (!ascii_alnum((unsigned char)v.p[i]) && v.p[i] != '-' && v.p[i] != '_')
			return false;
	return v.n > 0 && v.n <= 32;
}

/* Words of EHLO, without what stands behind them. */
static bool valid_discard(struct str v)
{
	struct str word;

	while (str_word(&v, &word))
		if (!smtp_ext_find(word))
			return false;
	return true;
}

#define SERVER_ROWS(auth_required, bare, hold)                                                     \
	ROW("ADDRESS", CONFIG_STRING, "0", "address to listen on; 0: all"),                        \
	    ROW("PORT", CONFIG_LIST, "smtp", "ports, or ADDRESS.PORT, to listen on"),              \
	    ROW("SSLADDRESS", CONFIG_STRING, "0", "ADDRESS of the port with TLS at once"),         \
	    ROW("SSLPORT", CONFIG_LIST, "465", "PORT of the port with TLS at once"),               \
	    ROW("ESMTPDSTART", CONFIG_BOOL, "NO", "start this server with the others"),            \
	    ROW("ESMTPDSSLSTART", CONFIG_BOOL, "NO", "start the server with TLS at once"),         \
	    RANGE("MAXDAEMONS", CONFIG_INT, "1000", 1, 65000, "connections at a time"),            \
	    RANGE("MAXPERIP", CONFIG_INT, "100", 1, 65000, "of them from one address"),            \
	    RANGE("MAXPERC", CONFIG_INT, "200", 1, 65000, "of them from one /24 (IPv6: /64)"),     \
	    {.name = "TCPDOPTS",                                                                   \
		.type = CONFIG_STRING,                                                             \
		.explain = tcpd_options_explain,                                                   \
		.help = "options of couriertcpd(1), -nodnslookup for one"},                        \
	    {.name = "HAPROXY_FROM",                                                               \
		.type = CONFIG_STRING,                                                             \
		.explain = access_list_explain,                                                    \
		.help = "addresses of balancers, which begin with a PROXY header"},                \
	    {.name = "SYSLOGNAME",                                                                 \
		.type = CONFIG_STRING,                                                             \
		.def = "courieresmtpd",                                                            \
		.valid = valid_name,                                                               \
		.help = "the name in the log (of all ports; the file esmtpd's)"},                  \
	    ROW("ESMTPAUTH", CONFIG_STRING, NULL, "mechanisms without TLS; unset: the safe ones"), \
	    ROW("ESMTPAUTH_TLS", CONFIG_STRING, NULL, "mechanisms under TLS; unset: all"),         \
	    ROW("AUTH_REQUIRED", CONFIG_BOOL, auth_required, "no mail without authentication"),    \
	    ROW("AUTH_SENDER", CONFIG_STRING, "", "envelope, header: senders of who logs in"),     \
	    ROW("TLS_EXTERNAL", CONFIG_STRING, "", "certificate field that names who logs in"),    \
	    ROW("ESMTP_TLS_REQUIRED", CONFIG_BOOL, "0", "no mail without TLS"),                    \
	    ROW("BOFHNOVRFY", CONFIG_BOOL, "0", "VRFY tells nothing"),                             \
	    ROW("BOFHNOEXPN", CONFIG_BOOL, "0", "EXPN tells nothing"),                             \
	    ROW("NOADDDATE", CONFIG_BOOL, bare, "add no missing Date"),                            \
	    ROW("NOADDMSGID", CONFIG_BOOL, bare, "add no missing Message-ID"),                     \
	    RANGE("NOADDRREWRITE", CONFIG_INT, "2", 0, 2,                                          \
		"1: leave addresses in headers alone; 2: in signed messages"),                     \
	    {.name = "MIME",                                                                       \
		.type = CONFIG_STRING,                                                             \
		.valid = valid_mime,                                                               \
		.help = "7bit, 8bit: convert bodies; none: add no MIME fields"},                   \
	    ROW("TARPIT", CONFIG_BOOL, "1", "errors are answered more and more slowly"),           \
	    RANGE("TARPIT_MAX", CONFIG_TIME, "16", 1, 300, "longest delay by TARPIT"),             \
	    ROW("ESMTP_LOG_DIALOG", CONFIG_BOOL, "0", "log every command and reply"),              \
	    RANGE("ESMTP_LINE_MAX", CONFIG_SIZE, "2048", 1000, 65536, "longest command line"),     \
	    RANGE("ESMTP_MAXBAD", CONFIG_INT, "20", 1, 1000000, "faulty commands in a session"),   \
	    RANGE("ESMTP_MAXREFUSED", CONFIG_INT, "200", 1, 1000000, "refused addresses"),         \
	    RANGE("ESMTP_MAXIDLE", CONFIG_INT, "100", 5, 1000000, "commands between messages"),    \
	    RANGE("ESMTP_SESSION_TIMEOUT", CONFIG_TIME, "4h", 60, 0, "longest session"),           \
	    RANGE("ESMTP_MAXMAILS", CONFIG_INT, "0", 0, 1000000, "messages in a session; 0: any"), \
	    {.name = "ESMTP_DISCARD",                                                              \
		.type = CONFIG_STRING,                                                             \
		.def = "",                                                                         \
		.valid = valid_discard,                                                            \
		.help = "extensions that are not offered"},                                        \
	    RANGE("ESMTP_MAXHOLD", CONFIG_TIME, hold, 0, 999999999,                                \
		"how long FUTURERELEASE may put mail off; 0: not"),                                \
	    ALONE("esmtptimeout", CONFIG_TIME, "10m", 1, 0, "longest wait for a command"),         \
	    ALONE("esmtptimeoutdata", CONFIG_TIME, "5m", 1, 0, "longest silence in a message"),    \
	    ROW("COURIERTLS", CONFIG_STRING, "couriertls", "empty: STARTTLS is not offered"),      \
	    ROW("TLS_DEBUG_FAIL_STARTTLS_SOFT", CONFIG_BOOL, "0", "for tests: STARTTLS gets 454"), \
	    ROW("TLS_DEBUG_FAIL_STARTTLS_HARD", CONFIG_BOOL, "0", "for tests: STARTTLS gets 502"), \
	    TLS_SERVER_ROWS("smtp esmtp")

/* Told once, by the component that reads the file esmtpd alone. */
#define IDLE(n_, why_)                                                                   \
	{                                                                                \
		.name = (n_), .type = CONFIG_STRING, .idle = (why_), .help = "no effect" \
	}
#define ONE_PROCESS "one process serves all connections"
#define BUILT_IN    "users and groups are chosen when the package is made"
static const struct config_setting smtp_rows[] = {SERVER_ROWS("0", "1", "0"),
    IDLE("PATH", "no program is run for a connection"),
    IDLE("SHELL", "no program is run for a connection"),
    IDLE("ULIMIT", ONE_PROCESS ", each of which has its limits"), IDLE("MAILUSER", BUILT_IN),
    IDLE("MAILGROUP", BUILT_IN), IDLE("PIDFILE", ONE_PROCESS "; see courier status")};
/* RFC 6409 and RFC 8314: what submits says who it is */
static const struct config_setting submission_rows[] = {SERVER_ROWS("1", "0", "30d")};

/* Names that are not rows here are the gate's, or an administrator's for filters. */
#define COMPONENT(id, n_, rows_, o_)         \
	const struct config_component id = { \
	    .name = n_,                      \
	    .file = "esmtpd",                \
	    .overlay = o_,                   \
	    .settings = rows_,               \
	    .n = ARRAY_LEN(rows_),           \
	    .foreign_ok = true,              \
	}
COMPONENT(esmtpd_settings, "esmtpd", smtp_rows, NULL);
COMPONENT(esmtpd_msa_settings, "esmtpd-msa", submission_rows, "esmtpd-msa");
COMPONENT(esmtpd_ssl_settings, "esmtpd-ssl", submission_rows, "esmtpd-ssl");
