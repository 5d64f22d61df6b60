/* What a call-out needs of the settings of outgoing mail.  Passwords are not among them: verifysmtp
 * runs as anybody. */
#include "config.h"

#include "filters/filter-settings.h"
#include "smtp/outgoing.h"
#include "smtp/socks.h"
#include "tls/tls.h"

static const struct config_setting rows[] = {
    {.name = "esmtptimeoutconnect",
	.type = CONFIG_TIME,
	.def = "1m",
	.file = "esmtptimeoutconnect",
	.help = "how long to wait for a connection; call-outs wait 20 seconds at most"},
    {.name = "esmtpsocks",
	.type = CONFIG_LIST,
	.file = "esmtpsocks",
	.line_wrong = socks_line_wrong,
	.help = "SOCKS 5 proxy for connections to other hosts: ADDRESS[,PORT] [USER PASSWORD]"},
    OUTGOING_ROWS,
    TLS_CLIENT_ROWS,
};

const struct config_component verify_component = {
    .name = "verify",
    .file = "courierd",
    .settings = rows,
    .n = ARRAY_LEN(rows),
    .foreign_ok = true,
};
