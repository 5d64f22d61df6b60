#include "config.h"

#include "imapd/list-match.h"

/* reach[i]: the pattern read so far matches the first i bytes of the name. */
static bool step(bool *reach, char c, struct str name)
{
	bool any = false, before = reach[0];
	if (c == '*' || c == '%') {
		for (size_t i = 0; i <= name.n; i++) {
			if (i > 0 && reach[i - 1] && (c == '*' || name.p[i - 1] != '.'))
				reach[i] = true;
			any |= reach[i];
		}
		return any;
	}
	reach[0] = false;
	for (size_t i = 1; i <= name.n; i++) {
		bool now = reach[i];
		reach[i] = before && name.p[i - 1] == c;
		any |= reach[i];
		before = now;
	}
	return any;
}

bool list_match(struct str pattern, struct str name)
{
	bool reach[LIST_NAME_MAX + 1] = {true};
	if (pattern.n > LIST_PATTERN_MAX || name.n > LIST_NAME_MAX)
		return false;
	for (size_t k = 0; k < pattern.n; k++)
		if (!step(reach, pattern.p[k], name))
			return false;
	return reach[name.n];
}
