#include "config.h"

#include "filters/filter-settings.h"
#include "base/base.h"

/* The word "all" puts the socket among those that see every message. */
#define MODE_ROW(filter)                                                                          \
	{                                                                                         \
		.name = filter "-mode", .type = CONFIG_STRING, .file = "filters/" filter "-mode", \
		.help = "all: judges every message, also whitelisted "                            \
			"mail; else: not"                                                         \
	}
#define NUMBER_ROW(name_, def_, min_, max_, help_)                                        \
	{                                                                                 \
		.name = name_, .type = CONFIG_INT, .def = def_, .min = min_, .max = max_, \
		.file = "filters/" name_, .help = help_                                   \
	}
#define COMPONENT(id, name_)                 \
	const struct config_component id = { \
	    .name = name_,                   \
	    .settings = id##_rows,           \
	    .n = ARRAY_LEN(id##_rows),       \
	}

static const struct config_setting dupfilter_component_rows[] = {
    NUMBER_ROW("dupfilter-hashsize", "500", 1, 1000000, "how many of the last messages are known"),
    NUMBER_ROW("dupfilter-duplevel", "4", 2, 1000000, "the copy that is the first one refused"),
    NUMBER_ROW("dupfilter-nthreads", "4", 1, 64, "messages that are read at the same time"),
    MODE_ROW("dupfilter"),
};
COMPONENT(dupfilter_component, "dupfilter");

static const struct config_setting ratefilter_component_rows[] = {
    NUMBER_ROW("ratefilter-interval", "60", 60, 30 * 24 * 3600, "seconds that the limit is for"),
    NUMBER_ROW("ratefilter-maxrcpts", "100", 1, 1000000000, "recipients of a sender in that time"),
    NUMBER_ROW("ratefilter-minuid", "100", 0, 4294967295, "users below this are not counted"),
    MODE_ROW("ratefilter"),
};
COMPONENT(ratefilter_component, "ratefilter");

static bool logmode_ok(struct str v)
{
	return str_is(v, "base") || str_is(v, "full");
}

static const struct config_setting verifyfilter_component_rows[] = {
    {.name = "verifyfilter-logmode",
	.type = CONFIG_STRING,
	.def = "base",
	.file = "filters/verifyfilter-logmode",
	.valid = logmode_ok,
	.help = "base: addresses that differ behind their first dash count as one; full: do not"},
    NUMBER_ROW("verifyfilter-nthreads", "10", 1, 500, "addresses that are asked at the same time"),
    MODE_ROW("verifyfilter"),
};
COMPONENT(verifyfilter_component, "verifyfilter");

static const struct config_setting perlfilter_component_rows[] = {
    {.name = "perlfilter",
	.type = CONFIG_STRING,
	.file = "filters/perlfilter",
	.help = "the Perl script that perlfilter runs"},
    NUMBER_ROW("perlfilter-numprocs", "5", 1, 200, "processes that run the script"),
    MODE_ROW("perlfilter"),
};
COMPONENT(perlfilter_component, "perlfilter");
