/* The settings of the fax module. */
#include "config.h"

#include "fax/fax.h"

static bool valid_format(struct str value)
{
	return str_is(value, "tiffg3") || str_is(value, "faxg3");
}

static bool valid_paper(struct str value)
{
	return str_is(value, "a4") || str_is(value, "letter");
}

static const struct config_setting rows[] = {
    {.name = "FAXSEND",
	.type = CONFIG_STRING,
	.def = LIBEXECDIR "/faxmail/send",
	.help = "the program that has the modem, and arguments for it"},
    {.name = "FAXLOCK",
	.type = CONFIG_STRING,
	.help = "lock files of the modem; while one is there, nothing is sent"},
    {.name = "FAXWAIT",
	.type = CONFIG_INT,
	.def = "10",
	.max = 1440,
	.help = "how many times a lock is looked at, a minute apart, before the fax is put off"},
    {.name = "FAXFORMAT",
	.type = CONFIG_STRING,
	.def = "tiffg3",
	.valid = valid_format,
	.help = "of pages: tiffg3, or faxg3 without a file header"},
    {.name = "FAXPAPER",
	.type = CONFIG_STRING,
	.def = "a4",
	.valid = valid_paper,
	.help = "a4 or letter"},
    {.name = "FAXPAGES",
	.type = CONFIG_INT,
	.def = "50",
	.min = 1,
	.max = 900,
	.help = "most pages of a fax"},
    {.name = "FAXCONVERTTIME",
	.type = CONFIG_TIME,
	.def = "2m",
	.min = 1,
	.max = 3600,
	.help = "how long the conversion of one attachment may take"},
    {.name = "FAXSENDTIME",
	.type = CONFIG_TIME,
	.def = "1h",
	.min = 1,
	.help = "how long sending may take"},
    {.name = "faxqueuetime",
	.type = CONFIG_TIME,
	.def = "8h",
	.file = "faxqueuetime",
	.help = "how long a fax is tried before it comes back"},
};

const struct config_component fax_component = {
    .name = "fax",
    .file = "module.fax",
    .settings = rows,
    .n = ARRAY_LEN(rows),
    .foreign_ok = true,
};
