#include "config.h"

#include "courierd/sched-main.h"

#include <stdio.h>

#define TIME_ROW(id, dflt, least, text)                                                 \
	{                                                                               \
		.name = id, .type = CONFIG_TIME, .def = dflt, .min = least, .file = id, \
		.help = text                                                            \
	}
#define INT_ROW(id, dflt, least, most, text)                                            \
	{                                                                               \
		.name = id, .type = CONFIG_INT, .def = dflt, .min = least, .max = most, \
		.file = id, .help = text                                                \
	}

static const struct config_setting rows[] = {
    TIME_ROW("queuetime", "1w", 0, "how long delivery is tried before the message is returned"),
    TIME_ROW("warntime", "4h", 0, "age at which the sender is told of the delay; 0: never"),
    TIME_ROW("submitdelay", "0", 0, "pause before the first attempt"),
    TIME_ROW("retryalpha", "5m", 1, "pause between the attempts of a group"),
    INT_ROW("retrybeta", "3", 1, 1000, "attempts in a group"),
    TIME_ROW("retrygamma", "15m", 1, "pause after the first group; it doubles from group to group"),
    INT_ROW("retrymaxdelta", "3", 0, 20, "how often it doubles at most"),
    INT_ROW("queuelo", "0", 0, 1000000,
	"fewer messages in memory than this: more are loaded; 0: by the modules' MAXDELS"),
    INT_ROW("queuehi", "0", 0, 1000000, "most messages in memory; 0: by queuelo"),
    TIME_ROW("queuefill", "5m", 0,
	"how often old messages are loaded although memory is full; 0: never"),
    TIME_ROW("respawnlo", "1h", 1, "age from which the scheduler restarts itself when it is idle"),
    TIME_ROW("respawnhi", "1w", 1, "age at which it restarts itself in any case"),
    {.name = "DSNDEFAULTNOTIFYDELAY",
	.type = CONFIG_BOOL,
	.def = "1",
	.help = "0: who did not ask to be told of delays is told of failures only"},
    {.name = "backuprelay",
	.type = CONFIG_STRING,
	.file = "backuprelay",
	.help = "host that takes mail which could not be sent for warntime; nobody is warned then"},
    {.name = "ARCHIVEDIR",
	.type = CONFIG_STRING,
	.help = "folder that gets a copy of each finished message, by day"},
    TIME_ROW(
	"modulettl", "6h", 60, "a module that is silent on a delivery for so long is restarted"),
};

const struct config_component sched_settings = {.name = "sched",
    .file = "courierd",
    .settings = rows,
    .n = ARRAY_LEN(rows),
    .foreign_ok = true};

static int64_t value(const struct config *c, const char *name)
{
	return config_int(c, "sched", name, NULL);
}

void sched_settings_vhost(const struct config *c, const char *vhost, struct sched_limits *l)
{
	l->queuetime = config_int(c, "sched", "queuetime", vhost);
	l->warntime = config_int(c, "sched", "warntime", vhost);
	l->submitdelay = config_int(c, "sched", "submitdelay", vhost);
}

void sched_settings_read(const struct config *c, struct sched_limits *l)
{
	l->queuetime = value(c, "queuetime");
	l->warntime = value(c, "warntime");
	l->submitdelay = value(c, "submitdelay");
	l->retryalpha = value(c, "retryalpha");
	l->retrybeta = (unsigned)value(c, "retrybeta");
	l->retrygamma = value(c, "retrygamma");
	l->retrymaxdelta = (unsigned)value(c, "retrymaxdelta");
	l->queuelo = (size_t)value(c, "queuelo");
	l->queuehi = (size_t)value(c, "queuehi");
	l->queuefill = value(c, "queuefill");
	l->respawnlo = value(c, "respawnlo");
	l->respawnhi = value(c, "respawnhi");
	struct str relay = config_str(c, "sched", "backuprelay", NULL);
	snprintf(l->backuprelay, sizeof l->backuprelay, "%.*s", STR_FMT(str_trim(relay)));
	l->modulettl = value(c, "modulettl");
	l->quiet_delays = !config_bool(c, "sched", "DSNDEFAULTNOTIFYDELAY", NULL);
}
