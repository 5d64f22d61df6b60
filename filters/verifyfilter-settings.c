/* What a call-out needs of the settings of outgoing mail.  Passwords are not among them: verifysmtp
 * runs as anybody. */
#include "config.h"

#include "filters/filter-settings.h"
#include "smtp/routes.h"
#include "tls/tls.h"

static const struct config_setting rows[] = {
    {.name = "esmtptimeoutconnect",
	.type = CONFIG_TIME,
	.def = "1m",
	.file = "esmtptimeoutconnect",
	.help = "how long to wait for a connection; call-outs wait 20 seconds at most"},
    {.name = "esmtphelo",
	.type = CONFIG_STRING,
	.file = "esmtphelo",
	.help = "name for EHLO; *: the name of the connection's own address; default: me"},
    {.name = "ipout",
	.type = CONFIG_STRING,
	.file = "ipout",
	.help = "IPv4 address that connections come from; 0: the system's choice"},
    {.name = "ip6out",
	.type = CONFIG_STRING,
	.file = "ip6out",
	.help = "IPv6 address that connections come from; 0: the system's choice"},
    {.name = "esmtproutes",
	.type = CONFIG_LIST,
	.file = "esmtproutes",
	.line_wrong = routes_line_wrong,
	.help = "DOMAIN:RELAY lines that go before DNS"},
    {.name = "ESMTP_USE_STARTTLS",
	.type = CONFIG_BOOL,
	.def = "1",
	.help = "use STARTTLS where it is offered"},
    {.name = "ESMTP_PREFER_IPV6_MX",
	.type = CONFIG_BOOL,
	.def = "0",
	.help = "try IPv6 addresses of a host before its IPv4 ones"},
    TLS_CLIENT_ROWS,
};

const struct config_component verify_component = {
    .name = "verify",
    .file = "courierd",
    .settings = rows,
    .n = ARRAY_LEN(rows),
    .foreign_ok = true,
};
