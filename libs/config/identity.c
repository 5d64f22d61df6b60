#include <config.h>

#include "config/config.h"

#include <limits.h>
#include <stdlib.h>
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

static char *lower(char *z)
{
	for (char *p = z; *p; p++)
		*p = (char)ascii_lower((unsigned char)*p);
	return z;
}

char *config_host_name(void)
{
	char name[HOST_NAME_MAX + 1] = "";
	if (gethostname(name, sizeof(name) - 1) < 0 || !name[0])
		return mem_strdup("localhost");
	return lower(mem_strdup(name));
}

char *config_own_name(const struct config *c, const char *vhost)
{
	struct str me = str_trim(config_str(c, "identity", "me", vhost));
	if (me.n && !str_starts(me, STR("*.")))
		return lower(mem_strndup(me.p, me.n));
	char *host = config_host_name();
	if (me.n == 0)
		return host;
	char *own = mem_printf("%s%.*s", host, STR_FMT(str_skip(me, 1)));
	free(host);
	return lower(own);
}
