/* The settings of the dsn module. */
#include "dsn/dsn-settings.h"

static const struct config_setting rows[] = {
    {.name = "dsnlimit",
	.type = CONFIG_SIZE,
	.def = "32K",
	.file = "dsnlimit",
	.help = "bytes up to which a whole message is returned; longer ones: their header"},
    {.name = "DSNTOAUTHADDR",
	.type = CONFIG_BOOL,
	.def = "0",
	.help = "reports about authenticated mail go to the login's address"},
};

const struct config_component dsn_component = {
    .name = "dsn",
    .file = "courierd",
    .settings = rows,
    .n = ARRAY_LEN(rows),
    .foreign_ok = true,
};
