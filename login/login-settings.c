#include "config.h"

#include "access/options.h"
#include "login/login.h"

/* How many clients, how long, who they are. */
#define CLIENT_ROWS                                                                              \
	{.name = "MAXDAEMONS",                                                                   \
	    .type = CONFIG_INT,                                                                  \
	    .def = "4000",                                                                       \
	    .min = 1,                                                                            \
	    .max = 100000,                                                                       \
	    .help = "connections before the login and under TLS, in all"},                       \
	    {.name = "MAXPERIP",                                                                 \
		.type = CONFIG_INT,                                                              \
		.def = "50",                                                                     \
		.min = 1,                                                                        \
		.max = 100000,                                                                   \
		.help = "... from one address"},                                                 \
	    {.name = "LOGIN_TIMEOUT",                                                            \
		.type = CONFIG_TIME,                                                             \
		.def = "60",                                                                     \
		.min = 5,                                                                        \
		.max = 1800,                                                                     \
		.help = "seconds a connection may take to log in"},                              \
	    {.name = "DEFDOMAIN",                                                                \
		.type = CONFIG_STRING,                                                           \
		.help =                                                                          \
		    "appended to login names without a separator: its separator, and a domain"}, \
	    {.name = "DOMAINSEP",                                                                \
		.type = CONFIG_STRING,                                                           \
		.help = "the separators; empty: the first character of DEFDOMAIN"},              \
	{                                                                                        \
		.name = "HAPROXY_FROM", .type = CONFIG_STRING, .explain = access_list_explain,   \
		.help = "addresses of balancers, which begin with a PROXY header"                \
	}

#define PROXY_ROWS(p, port)                                                                 \
	{.name = p "_PROXY",                                                                \
	    .type = CONFIG_BOOL,                                                            \
	    .def = "0",                                                                     \
	    .help = "1: accounts with the option mailhost=HOST are served from that host"}, \
	    {.name = "PROXY_HOSTNAME",                                                      \
		.type = CONFIG_STRING,                                                      \
		.help = "what this host is called in mailhost; empty: its host name"},      \
	    {.name = p "_PROXY_PORT",                                                       \
		.type = CONFIG_INT,                                                         \
		.def = (port),                                                              \
		.min = 1,                                                                   \
		.max = 65535,                                                               \
		.help = "the port of those hosts"},                                         \
	{                                                                                   \
		.name = p "_PROXY_TLS", .type = CONFIG_STRING, .def = "offered",            \
		.valid = login_tls_policy_ok,                                               \
		.help = "TLS on the way there: no, offered, required, verify"               \
	}
#define EXTERNAL_ROW                                                             \
	{                                                                        \
		.name = "TLS_EXTERNAL", .type = CONFIG_STRING, .def = "",        \
		.help = "field of a client's certificate that names who logs in" \
	}
/* Names of old files. */
#define IDLE(n_, why_)                                                                   \
	{                                                                                \
		.name = (n_), .type = CONFIG_STRING, .idle = (why_), .help = "no effect" \
	}
#define ONE_PROCESS "one process serves all connections"
#define OWN_LOG     "the supervisor keeps the log"

#define IDLE_ROWS                                                                  \
	IDLE("LOGGEROPTS", OWN_LOG), IDLE("SSLLOGGEROPTS", OWN_LOG),               \
	    IDLE("PIDFILE", ONE_PROCESS "; see courier status"),                   \
	    IDLE("SSLPIDFILE", ONE_PROCESS "; see courier status"),                \
	    IDLE("COURIERTLS", "the service has TLS built in"),                    \
	    IDLE("TLS_STARTTLS_PROTOCOL", "TLS_PROTOCOL holds for STARTTLS, too"), \
	    IDLE("AUTH_MKHOMEDIR_SKEL", "set it in the file courierd, for all that need a home")

static const struct config_setting imap_rows[] = {
    {.name = "IMAP_CAPABILITY",
	.type = CONFIG_STRING,
	.def = "IMAP4rev1",
	.help = "what CAPABILITY tells before the login; its AUTH= words choose mechanisms"},
    {.name = "IMAP_CAPABILITY_TLS",
	.type = CONFIG_STRING,
	.help = "the same under TLS; empty: no difference"},
    {.name = "IMAPDSTARTTLS", .type = CONFIG_BOOL, .def = "YES", .help = "offer STARTTLS"},
    {.name = "IMAP_TLS_REQUIRED", .type = CONFIG_BOOL, .def = "1", .help = "no login in clear"},
    CLIENT_ROWS,
    {.name = "TCPDOPTS",
	.type = CONFIG_STRING,
	.explain = tcpd_options_explain,
	.help = "options of couriertcpd(1), -accesslocal for one"},
    {.name = "IMAPACCESSFILE",
	.type = CONFIG_STRING,
	.def = "imapaccess",
	.help = "the access table, a file or folder; see makeimapaccess(8)"},
    PROXY_ROWS("IMAP", "143"),
    {.name = "IMAP_PROXY_FOREIGN",
	.type = CONFIG_BOOL,
	.def = "0",
	.help = "1: the other server is of another kind; what it can do is asked and told"},
    EXTERNAL_ROW,
    IDLE_ROWS,
    IDLE("IMAP_ENHANCEDIDLE", "IDLE hears of changes from the kernel, always"),
    TLS_SERVER_ROWS("imap"),
};

static const struct config_setting pop3_rows[] = {
    {.name = "POP3AUTH",
	.type = CONFIG_STRING,
	.help = "mechanisms of AUTH without TLS; empty: as authdaemond's settings say"},
    {.name = "POP3AUTH_TLS",
	.type = CONFIG_STRING,
	.help = "mechanisms of AUTH under TLS; empty: as authdaemond's settings say"},
    {.name = "POP3AUTH_ORIG",
	.type = CONFIG_STRING,
	.help = "what POP3AUTH may have, for web administration; not looked at here"},
    {.name = "POP3AUTH_TLS_ORIG",
	.type = CONFIG_STRING,
	.help = "what POP3AUTH_TLS may have, for web administration; not looked at here"},
    {.name = "POP3_STARTTLS", .type = CONFIG_BOOL, .def = "YES", .help = "offer STLS"},
    {.name = "POP3_TLS_REQUIRED", .type = CONFIG_BOOL, .def = "1", .help = "no login in clear"},
    CLIENT_ROWS,
    PROXY_ROWS("POP3", "110"),
    EXTERNAL_ROW,
    TLS_SERVER_ROWS("pop3"),
    IDLE("TCPDOPTS", ONE_PROCESS),
    IDLE_ROWS,
    IDLE("PRERUN", "no program is run for a connection"),
};

const struct config_component login_imap_settings = {.name = "imapd",
    .file = "imapd",
    .overlay = "imapd-ssl",
    .settings = imap_rows,
    .n = ARRAY_LEN(imap_rows),
    .foreign_ok = true};
const struct config_component login_pop3_settings = {.name = "pop3d",
    .file = "pop3d",
    .overlay = "pop3d-ssl",
    .settings = pop3_rows,
    .n = ARRAY_LEN(pop3_rows),
    .foreign_ok = true};
