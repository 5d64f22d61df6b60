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
    {.name = "uucpme",
	.type = CONFIG_STRING,
	.file = "uucpme",
	.help = "the name of this host among UUCP nodes; empty: me up to its first dot"},
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

char *config_own_name(const struct config *c)
{
	char name[HOST_NAME_MAX + 1] = "";
	struct str me = config_str(c, "identity", "me", NULL);
	if (me.n)
		return mem_strndup(me.p, me.n);
	if (gethostname(name, sizeof(name) - 1) < 0 || !name[0])
		return mem_strdup("localhost");
	return mem_strdup(name);
}
