/* The settings of the uucp module. */
#include "config.h"

#include "uucp/uucp.h"

static bool valid_flags(struct str value)
{
	struct str words[UUCP_FLAG_WORDS_MAX];
	return uux_flags(value, words) >= 0;
}

static const struct config_setting rows[] = {
    {.name = "UUXFLAGS",
	.type = CONFIG_STRING,
	.def = "-j -g C",
	.valid = valid_flags,
	.help = "further options of uux: -g GRADE, -j and -r alone"},
    {.name = "UUX", .type = CONFIG_STRING, .def = "uux", .help = "the program uux"},
    {.name = "UUXTIME",
	.type = CONFIG_TIME,
	.def = "5m",
	.min = 1,
	.max = 3600,
	.help = "how long uux may take"},
    {.name = "uucprewriteheaders",
	.type = CONFIG_STRING,
	.file = "uucprewriteheaders",
	.help = "when the file exists, addresses in headers become paths, too"},
};

const struct config_component uucp_component = {
    .name = "uucp",
    .file = "courierd",
    .settings = rows,
    .n = ARRAY_LEN(rows),
    .foreign_ok = true,
};
