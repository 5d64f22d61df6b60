#include "config.h"

#include "filter/drop-settings.h"

static bool mode(struct str value)
{
	return str_is(value, "600") || str_is(value, "660");
}

static bool locks(struct str value)
{
	return str_is(value, "both") || str_is(value, "dot") || str_is(value, "kernel");
}

static const struct config_setting settings[] = {
    {.name = "MAILDROPTIME",
	.type = CONFIG_TIME,
	.def = "300",
	.min = 1,
	.max = 86400,
	.help = "a run that takes longer is ended, and the mail is tried again"},
    {.name = "MAILDROPSMALL",
	.type = CONFIG_SIZE,
	.def = "1M",
	.min = 1024,
	.max = 64 << 20,
	.help = "larger messages are kept in a file while they are worked on"},
    {.name = "MAILDROPMODE",
	.type = CONFIG_STRING,
	.def = "600",
	.valid = mode,
	.help = "600 or 660: permissions of a new mbox at least, whatever UMASK says; 660 is for a "
		"spool with a mail group"},
    {.name = "MAILDROPLOCKS",
	.type = CONFIG_STRING,
	.def = "both",
	.valid = locks,
	.help = "both, dot or kernel: the locks of an mbox"},
    {.name = "MAILDROPSYSLOG",
	.type = CONFIG_BOOL,
	.def = "0",
	.help = "1: errors of deliveries go to the system's log as well"},
    {.name = "MAILDROPDEFAULT",
	.type = CONFIG_STRING,
	.def = "/var/mail/%u",
	.help = "the mailbox of accounts that name none; %u the account, %h its home"},
    {.name = "MAILDROPSENDMAIL",
	.type = CONFIG_STRING,
	.help = "the command that takes forwards; empty: sendmail -oi of this suite"},
    {.name = "LOCKSLEEP",
	.type = CONFIG_INT,
	.def = "5",
	.min = 1,
	.max = 3600,
	.help = "seconds between two attempts to get a dot-lock"},
    {.name = "LOCKTIMEOUT",
	.type = CONFIG_INT,
	.def = "60",
	.min = 1,
	.max = 86400,
	.help = "seconds after which a dot-lock that nobody has refreshed is removed"},
    {.name = "LOCKREFRESH",
	.type = CONFIG_INT,
	.def = "15",
	.min = 1,
	.max = 3600,
	.help = "seconds between two refreshes of our own dot-locks"},
};

const struct config_component maildrop_settings = {
    .name = "maildrop",
    .file = "maildropsettings",
    .settings = settings,
    .n = ARRAY_LEN(settings),
};

void drop_settings_of(const struct config *c, struct drop_settings *out)
{
	struct str lock = config_str(c, "maildrop", "MAILDROPLOCKS", NULL);
	*out = (struct drop_settings){
	    .seconds = (unsigned)config_int(c, "maildrop", "MAILDROPTIME", NULL),
	    .small = (size_t)config_int(c, "maildrop", "MAILDROPSMALL", NULL),
	    .mode = str_is(config_str(c, "maildrop", "MAILDROPMODE", NULL), "660") ? 0660 : 0600,
	    .dot_lock = !str_is(lock, "kernel"),
	    .kernel_lock = !str_is(lock, "dot"),
	    .syslog = config_bool(c, "maildrop", "MAILDROPSYSLOG", NULL),
	    .default_mailbox = config_z(c, "maildrop", "MAILDROPDEFAULT", NULL),
	    .sendmail = config_z(c, "maildrop", "MAILDROPSENDMAIL", NULL),
	    .lock_sleep = config_z(c, "maildrop", "LOCKSLEEP", NULL),
	    .lock_timeout = config_z(c, "maildrop", "LOCKTIMEOUT", NULL),
	    .lock_refresh = config_z(c, "maildrop", "LOCKREFRESH", NULL),
	};
}
