/* The environment of a program. */
#include "config.h"

#include "tcpd/tcpd.h"

static struct str name_of(struct str line)
{
	ptrdiff_t eq = str_chr(line, '=');
	return eq < 0 ? line : str_head(line, (size_t)eq);
}

/* What tells of a connection must never be left from somebody else's. */
static bool is_ours(struct str name)
{
	static const char *const names[] = {"TCPREMOTEIP", "TCPREMOTEPORT", "TCPREMOTEHOST",
	    "TCPREMOTEINFO", "TCPLOCALIP", "TCPLOCALPORT", "TCPLOCALHOST"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_is(name, names[i]))
			return true;
	return false;
}

static bool known(char *const *list, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(name_of(str_of(list[i])), name))
			return true;
	return false;
}

char **tcpd_environment(struct arena *a, char **ours, struct str env)
{
	size_t n = 0, room = 1;
	struct str line, rest = env;
	for (char **p = ours; *p; p++)
		room++;
	while (str_split(&rest, '\n', &line))
		room++;
	char **out = arena_alloc(a, room * sizeof *out);
	for (rest = env; out && str_split(&rest, '\n', &line);)
		if (line.n && !known(out, n, name_of(line)) && !(out[n++] = arena_strz(a, line)))
			return NULL;
	for (char **p = ours; out && *p; p++) {
		struct str name = name_of(str_of(*p));
		if (!is_ours(name) && !known(out, n, name))
			out[n++] = *p;
	}
	if (out)
		out[n] = NULL;
	return out;
}
