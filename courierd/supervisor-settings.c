/* What the supervisor itself reads: worker counts, and who listens where. */
#include "config.h"

#include "courierd/supervisor.h"

static const struct config_setting rows[] = {
    {.name = "GATE_WORKERS",
	.type = CONFIG_INT,
	.def = "2",
	.min = 1,
	.max = 16,
	.help = "processes that accept mail into the queue"},
    {.name = "ESMTPD_WORKERS",
	.type = CONFIG_INT,
	.def = "2",
	.min = 1,
	.max = 16,
	.help = "processes that talk to ESMTP clients"},
    {.name = "DEBUG", .type = CONFIG_BOOL, .def = "0", .help = "log debug lines"},
    {.name = "STOP_TIME",
	.type = CONFIG_TIME,
	.def = "30s",
	.min = 1,
	.max = 600,
	.help = "how long a graceful stop may take"},
    {.name = "WATCHDOG",
	.type = CONFIG_TIME,
	.def = "5m",
	.min = 0,
	.max = 86400,
	.help = "a process that does not react for so long is killed and started anew; 0: never"},
};

const struct config_component supervisor_settings = {.name = "supervisor",
    .file = "courierd",
    .settings = rows,
    .n = ARRAY_LEN(rows),
    .foreign_ok = true};

#define PORT_ROWS(id, start, on, port, dflt, address)                                           \
	static const struct config_setting id[] = {                                             \
	    {.name = start, .type = CONFIG_BOOL, .def = on, .help = "start this service"},      \
	    {.name = port, .type = CONFIG_LIST, .def = dflt, .help = "ports, or ADDRESS.PORT"}, \
	    {.name = address,                                                                   \
		.type = CONFIG_LIST,                                                            \
		.def = "0",                                                                     \
		.help = "addresses, 0: all of them"},                                           \
	};

PORT_ROWS(smtp_rows, "ESMTPDSTART", "YES", "PORT", "25", "ADDRESS")
PORT_ROWS(msa_rows, "ESMTPDSTART", "YES", "PORT", "587", "ADDRESS")
PORT_ROWS(smtps_rows, "ESMTPDSSLSTART", "YES", "SSLPORT", "465", "SSLADDRESS")
PORT_ROWS(imap_rows, "IMAPDSTART", "YES", "PORT", "143", "ADDRESS")
PORT_ROWS(imaps_rows, "IMAPDSSLSTART", "YES", "SSLPORT", "993", "SSLADDRESS")
PORT_ROWS(pop3_rows, "POP3DSTART", "YES", "PORT", "110", "ADDRESS")
PORT_ROWS(pop3s_rows, "POP3DSSLSTART", "YES", "SSLPORT", "995", "SSLADDRESS")

#define PORTS(n_, f_, rows_)                                                            \
	{                                                                               \
		.name = (n_), .file = (f_), .settings = (rows_), .n = ARRAY_LEN(rows_), \
		.foreign_ok = true                                                      \
	}
/* name is the listener's name; the file is the service's own, in which other names are not ours */
const struct config_component port_settings[] = {
    PORTS("smtp", "esmtpd", smtp_rows),
    PORTS("submission", "esmtpd-msa", msa_rows),
    PORTS("smtps", "esmtpd-ssl", smtps_rows),
    PORTS("imap", "imapd", imap_rows),
    PORTS("imaps", "imapd-ssl", imaps_rows),
    PORTS("pop3", "pop3d", pop3_rows),
    PORTS("pop3s", "pop3d-ssl", pop3s_rows),
};
const size_t n_port_settings = ARRAY_LEN(port_settings);
