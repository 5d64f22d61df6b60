#include "config.h"

#include "local/local-settings.h"

static bool absolute(struct str value)
{
	return !value.n || value.p[0] == '/';
}

static bool over_quota(struct str value)
{
	return str_is(value, "defer") || str_is(value, "fail");
}

static const struct config_setting settings[] = {
    {.name = "DEFAULTDELIVERY",
	.type = CONFIG_STRING,
	.def = "./Maildir",
	.help = "instructions for accounts without a .courier file; several lines are fine"},
    {.name = "DYNAMICDELIVERIES",
	.type = CONFIG_BOOL,
	.def = "1",
	.help = "0 switches \"||\" instructions off"},
    {.name = "DSNNOTIFY",
	.type = CONFIG_STRING,
	.help = "letters S, F, D or N: reports asked for mail that .courier files forward"},
    {.name = "SHELL",
	.type = CONFIG_STRING,
	.def = "/bin/sh",
	.help = "runs the command of \"|\" instructions"},
    {.name = "PATH",
	.type = CONFIG_STRING,
	.def = BINDIR ":/usr/local/bin:/usr/bin:/bin",
	.help = "search path of programs that deliveries run"},
    {.name = "LOCALWORKERS",
	.type = CONFIG_INT,
	.def = "2",
	.min = 1,
	.max = 64,
	.help = "plain delivery workers of one uid at the most"},
    {.name = "LOCALPROGRAMS",
	.type = CONFIG_INT,
	.def = "20",
	.min = 1,
	.max = 1000,
	.help = "processes of accounts that follow filters and run programs, at the same time"},
    {.name = "LOCALMEMORY",
	.type = CONFIG_SIZE,
	.def = "0",
	.help = "bytes of memory of a process that a \"|\" instruction runs, or of a worker that "
		"does a filter's work (at least 32M); 0: no limit"},
    {.name = "MAILDROPDEFAULT",
	.type = CONFIG_STRING,
	.def = "./Maildir",
	.help = "maildrop's DEFAULT; ./Maildir stands for the account's own Maildir"},
    {.name = "AUTH_MKHOMEDIR_SKEL",
	.type = CONFIG_STRING,
	.valid = absolute,
	.help = "folder that is copied when an account's home is missing at a delivery"},
    {.name = "MBOXDOTLOCK",
	.type = CONFIG_BOOL,
	.def = "0",
	.help = "1: mbox files are locked by a file NAME.lock, besides the kernel's locks"},
    {.name = "OVERQUOTA",
	.type = CONFIG_STRING,
	.def = "defer",
	.valid = over_quota,
	.help = "mail for a full mailbox: defer, or fail at once"},
    {.name = "QUOTAWARN",
	.type = CONFIG_INT,
	.def = "90",
	.max = 100,
	.help = "percent of a quota from which its user is warned once a day; 0: never"},
    {.name = "LOCALIDLE",
	.type = CONFIG_TIME,
	.def = "60",
	.min = 1,
	.max = 86400,
	.help = "how long a worker waits for more before it ends"},
    {.name = "LOCALSYNC",
	.type = CONFIG_BOOL,
	.def = "1",
	.help =
	    "the queue vouches for mail in Maildirs until their file system is synced; 0: each is "
	    "synced at once"},
    {.name = "localtimeout",
	.type = CONFIG_TIME,
	.def = "15m",
	.min = 1,
	.max = 7 * 86400,
	.file = "localtimeout",
	.help = "a local delivery that takes longer is ended and deferred"},
    {.name = "dotextension",
	.type = CONFIG_STRING,
	.def = "courier",
	.file = "dotextension",
	.help = "the word after the dot in .courier files"},
    {.name = "locallowercase",
	.type = CONFIG_STRING,
	.file = "locallowercase",
	.help = "when the file exists, local names and .courier files are lower case"},
    {.name = "defaultsep",
	.type = CONFIG_STRING,
	.def = "+",
	.file = "defaultsep",
	.help = "characters that count as \"-\" between a user and an extension"},
    {.name = "maildrop",
	.type = CONFIG_STRING,
	.def = BINDIR "/maildrop",
	.file = "maildrop",
	.help = "\"|\" instructions that run this program need no preline"},
    {.name = "quotawarnmsg",
	.type = CONFIG_LIST, /* all of its text */
	.file = "quotawarnmsg",
	.help = "the message that warns of a full mailbox; without the file there is none"},
};

const struct config_component local_settings = {
    .name = "local",
    .file = "courierd",
    .settings = settings,
    .n = ARRAY_LEN(settings),
    .foreign_ok = true,
};

struct worker_rules local_rules(const struct config *c)
{
	struct str dot = str_trim(config_str(c, "local", "dotextension", NULL));
	return (struct worker_rules){
	    .dot = dot.n ? dot : STR("courier"),
	    .lower = config_is_set(c, "local", "locallowercase"),
	    .seps = str_trim(config_str(c, "local", "defaultsep", NULL)),
	};
}
