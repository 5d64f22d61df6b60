/* The settings of the process that keeps MTA-STS policies. */
#include "stsd/sts-settings.h"
#include "smtp/socks.h"

static const struct config_setting rows[] = {
    {.name = "STS_HTTPS_PORT",
	.type = CONFIG_INT,
	.def = "443",
	.min = 1,
	.max = 65535,
	.help = "port that MTA-STS policies are fetched from; another one is for trials only"},
    {.name = "STS_REFRESH",
	.type = CONFIG_TIME,
	.def = "1d",
	.min = 1,
	.help = "age at which an MTA-STS policy that is in use is fetched again"},
    {.name = "TLS_TRUSTCERTS",
	.type = CONFIG_STRING,
	.help = "file or folder of certificate authorities to trust"},
    {.name = "esmtpsocks",
	.type = CONFIG_LIST,
	.file = "esmtpsocks",
	.line_wrong = socks_line_wrong,
	.help = "SOCKS 5 proxy for connections to other hosts: ADDRESS[,PORT] [USER PASSWORD]"},
};

const struct config_component sts_component = {
    .name = "sts",
    .file = "courierd",
    .settings = rows,
    .n = ARRAY_LEN(rows),
    .foreign_ok = true,
};
