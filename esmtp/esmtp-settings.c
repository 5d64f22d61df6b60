/* The settings of the esmtp module. */
#include <stdlib.h>
#include "esmtp/authclient.h"
#include "esmtp/convert.h"
#include "esmtp/esmtp-settings.h"
#include "smtp/outgoing.h"
#include "smtp/socks.h"
#include "tls/tls.h"

#define FILE_TIME(name_, def_, help_)                                                         \
	{                                                                                     \
		.name = name_, .type = CONFIG_TIME, .def = def_, .file = name_, .help = help_ \
	}

static bool valid_signed(struct str v)
{
	enum signed_mode m;
	return signed_mode_parse(v, &m);
}

/* What may stand behind the colon in esmtproutes. */
static bool valid_relay(struct str v)
{
	char *line = mem_printf(":%.*s", STR_FMT(v));
	bool good = !routes_line_wrong(str_of(line));
	free(line);
	return good;
}

static const struct config_setting rows[] = {
    FILE_TIME("esmtptimeout", "10m", "how long to wait for the answer to a command"),
    FILE_TIME("esmtptimeoutconnect", "1m", "how long to wait for a connection; 0: the system's"),
    FILE_TIME("esmtptimeoutdata", "5m", "how long the sending of a message may stand still"),
    FILE_TIME("esmtptimeouthelo", "5m", "how long to wait for the greeting and the answer to EHLO"),
    FILE_TIME("esmtptimeoutkeepalive", "60s", "how long a connection without work stays open"),
    FILE_TIME(
	"esmtptimeoutkeepaliveping", "0", "pause between RSETs on such a connection; 0: none"),
    FILE_TIME("esmtptimeoutquit", "10s", "how long to wait for the answer to QUIT"),
    FILE_TIME("esmtpdelay", "5m", "how long new mail for unreachable hosts is put off; 0: not"),
    FILE_TIME("warntime", "4h", "age at which mail goes to the backup relay"),
    {.name = "backuprelay",
	.type = CONFIG_STRING,
	.file = "backuprelay",
	.valid = valid_relay,
	.help = "host that takes mail which could not be delivered for warntime"},
    OUTGOING_ROWS,
    {.name = "esmtpauthclient",
	.type = CONFIG_LIST,
	.file = "esmtpauthclient",
	.line_wrong = authclient_line_wrong,
	.help = "RELAY USER PASSWORD lines"},
    {.name = "esmtpsocks",
	.type = CONFIG_LIST,
	.file = "esmtpsocks",
	.line_wrong = socks_line_wrong,
	.help = "SOCKS 5 proxy for connections to other hosts: ADDRESS[,PORT] [USER PASSWORD]"},
    {.name = "ESMTP_TLS_VERIFY_DOMAIN",
	.type = CONFIG_BOOL,
	.def = "0",
	.help = "the peer's certificate must have its name"},
    {.name = "ESMTP_DNSSEC",
	.type = CONFIG_BOOL,
	.def = "0",
	.help = "prove answers of the DNS; mail with REQUIRETLS needs it to find its hosts"},
    {.name = "STS_TIMEOUT",
	.type = CONFIG_TIME,
	.def = "130s",
	.min = 1,
	.help = "mail waits when nobody knows so soon whether a domain has an MTA-STS policy"},
    {.name = "ESMTP_BLOCKBACKSCATTER",
	.type = CONFIG_LIST,
	.def = "smtp/dsn",
	.help = "sources of mail that is dropped instead of sent"},
    {.name = "ESMTP_MAXHOSTCONNECTIONS",
	.type = CONFIG_INT,
	.def = "20",
	.min = 1,
	.max = 1000,
	.help = "connections to one relay or domain at a time"},
    {.name = "ESMTP_SIGNED_8BIT",
	.type = CONFIG_STRING,
	.def = "bounce",
	.valid = valid_signed,
	.help = "8-bit signed parts for a server without 8BITMIME: bounce, send or convert"},
    {.name = "ESMTP_DKIM_8BIT",
	.type = CONFIG_STRING,
	.def = "convert",
	.valid = valid_signed,
	.help = "the same for messages with a DKIM-Signature"},
    TLS_CLIENT_ROWS,
    TLS_CLIENT_KEY_ROWS,
};

const struct config_component esmtp_component = {
    .name = "esmtp",
    .file = "courierd",
    .settings = rows,
    .n = ARRAY_LEN(rows),
    .foreign_ok = true,
};

#define PORT_COMPONENT(id, name_, file_, setting, def_)                                \
	static const struct config_setting id##_rows[] = {                             \
	    {.name = setting, .type = CONFIG_LIST, .def = def_, .help = "own ports"}}; \
	const struct config_component id = {.name = name_,                             \
	    .file = file_,                                                             \
	    .settings = id##_rows,                                                     \
	    .n = ARRAY_LEN(id##_rows),                                                 \
	    .foreign_ok = true}
PORT_COMPONENT(esmtp_port_smtp, "esmtp-port-smtp", "esmtpd", "PORT", "25");
PORT_COMPONENT(esmtp_port_msa, "esmtp-port-msa", "esmtpd-msa", "PORT", "587");
PORT_COMPONENT(esmtp_port_smtps, "esmtp-port-smtps", "esmtpd-ssl", "SSLPORT", "465");
