#include "config.h"

#include "rfc822/rfc822.h"

size_t comment_end(struct str s, size_t at, bool *whole)
{
	size_t depth = 0;
	for (; at < s.n; at++) {
		if (s.p[at] == '\\') {
			at++;
		} else if (s.p[at] == '(') {
			depth++;
		} else if (s.p[at] == ')' && --depth == 0) {
			*whole = true;
			return at + 1;
		}
	}
	*whole = false;
	return s.n;
}
