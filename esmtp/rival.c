/* Which address is tried beside one that does not answer. */
#include "esmtp/connect.h"

ptrdiff_t connect_rival(const struct candidate *v, size_t n, size_t at)
{
	for (size_t i = at + 1; i < n; i++) {
		if (strcmp(v[i].host, v[at].host) != 0)
			return RACE_NONE;
		if (v[i].addr.ss_family != v[at].addr.ss_family)
			return (ptrdiff_t)i;
	}
	return RACE_NONE;
}
