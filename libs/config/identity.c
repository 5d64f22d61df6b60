#include <config.h>

#include "config/config.h"

#include <limits.h>
#include <unistd.h>

static const struct config_setting settings[] = {
    {.name = "me",
	.type = CONFIG_STRING,
	.file = "me",
	.help = "the name of this mail host; empty: the system's host name"},
    {.name = "defaultdomain",
	.type = CONFIG_STRING,
	.file = "defaultdomain",
	.help = "the domain put behind an address without one; empty: me"},
    {.name = "msgidhost",
	.type = CONFIG_STRING,
	.file = "msgidhost",
	.help = "the host part of Message-IDs made here; empty: me"},
    {.name = "dsnfrom",
	.type = CONFIG_STRING,
	.file = "dsnfrom",
	.help = "the From header of delivery reports; empty: postmaster at me"},
};

const struct config_component config_identity = {
    .name = "identity",
    .settings = settings,
    .n = ARRAY_LEN(settings),
};

static const char *system_name(char *name, size_t size)
{
	if (gethostname(name, size - 1) < 0 || !name[0])
		return "localhost";
	return name;
}

char *config_own_name(const struct config *c, const char *vhost)
{
	char name[HOST_NAME_MAX + 1] = "";
	struct str me = str_trim(config_str(c, "identity", "me", vhost));
	char *own;
	if (me.n == 0)
		own = mem_strdup(system_name(name, sizeof(name)));
	else if (str_starts(me, STR("*.")))
		own = mem_printf("%s%.*s", system_name(name, sizeof(name)), STR_FMT(str_skip(me, 1)));
	else
		own = mem_strndup(me.p, me.n);
	for (char *p = own; *p; p++)
		*p = (char)ascii_lower((unsigned char)*p);
	return own;
}
