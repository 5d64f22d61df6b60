#include "config.h"

#include "courierd/broker.h"

static bool valid_program(struct str v)
{
	v = str_trim(v);
	return v.n == 0 || (v.p[0] == '/' && !str_has_ctl(v));
}

static const struct config_setting settings[] = {
    {.name = "MINUID",
	.type = CONFIG_INT,
	.def = "100",
	.min = 1,
	.max = UINT32_MAX - 1,
	.help = "no mailbox of a smaller uid is served"},
    {.name = "MAXUID",
	.type = CONFIG_INT,
	.def = "0",
	.max = UINT32_MAX - 1,
	.help = "no mailbox of a larger uid is served; 0: no limit"},
    {.name = "MAXSESSIONS",
	.type = CONFIG_INT,
	.def = "5000",
	.min = 1,
	.max = 1000000,
	.help = "IMAP and POP3 sessions at the same time"},
    {.name = "MAXPERACCOUNT",
	.type = CONFIG_INT,
	.def = "100",
	.min = 1,
	.max = 1000000,
	.help = "sessions of one account at the same time"},
    {.name = "MAXWORKERS",
	.type = CONFIG_INT,
	.def = "200",
	.min = 1,
	.max = 100000,
	.help = "delivery workers at the same time"},
    {.name = "maildropfilter",
	.type = CONFIG_STRING,
	.file = "maildropfilter",
	.valid = valid_program,
	.help = "program that runs the filters of mailboxes' owners; no file: there are none"},
    {.name = "aliasfilteracct",
	.type = CONFIG_STRING,
	.file = "aliasfilteracct",
	.valid = valid_program,
	.help = "home folder of the account whose filter looks at mail for aliases"},
    {.name = "LOCALFILTERTIME",
	.type = CONFIG_TIME,
	.def = "60",
	.min = 1,
	.max = 600,
	.help = "how long the filter of a mailbox's owner may run"},
    {.name = "LOCALFILTERENV",
	.type = CONFIG_LIST,
	.help = "further variables of smtpaccess that such filters see"},
};

const struct config_component broker_settings = {
    .name = "broker",
    .file = "broker",
    .settings = settings,
    .n = ARRAY_LEN(settings),
};

const char *broker_refusal(const struct broker_limits *l, const struct owner *o)
{
	if (o->uid == 0 || o->uid == UINT32_MAX)
		return "mail is never handled as root";
	if (!o->home || o->home[0] != '/')
		return "the account has no home folder";
	if (!l->root)
		return o->uid == l->own_uid ? NULL
					    : "the account belongs to another user than the one "
					      "who runs this instance";
	if (o->gid == 0 || o->gid == UINT32_MAX)
		return "mail is never handled with root's group";
	if (o->uid < l->min_uid || (l->max_uid && o->uid > l->max_uid))
		return "the account's uid is outside of MINUID and MAXUID";
	return NULL;
}
