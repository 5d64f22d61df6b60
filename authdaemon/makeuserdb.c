/* makeuserdb: the tables from the text. */
#include "config.h"

#include "authdaemon/tool.h"
#include "authdaemon/userdb.h"

#include <stdlib.h>

static const char usage[] = "usage: makeuserdb [-C DIR] [-f FILE]\n";

int main(int argc UNUSED, char **argv)
{
	const char *dir = NULL, *file = NULL;
	char *why = NULL;
	size_t accounts = 0;
	int i = 1;
	while (argv[i])
		if (!tool_option(argv, &i, "C", &dir) && !tool_option(argv, &i, "f", &file))
			tool_usage(usage);
	char *etc = file ? NULL : tool_etc(dir);
	char *base = file ? mem_strdup(file) : instance_path(etc, "userdb");
	if (userdb_compile(base, &accounts, &why) < 0)
		tool_die("%s; nothing was changed", why);
	free(base);
	free(etc);
	return 0;
}
