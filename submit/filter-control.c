#include "submit/filter-control.h"

static bool may_add(struct str line)
{
	return line.n && memchr("SFDIXrRNO", line.p[0], 9) != NULL;
}

static bool still_good(
    struct str before, struct str added, struct arena *a, struct envelope *e, const char **why)
{
	struct buf whole;
	buf_init(&whole, ENVELOPE_TEXT_MAX);
	bool good = buf_adds(&whole, before) && buf_adds(&whole, added);
	if (!good)
		*why = "too long";
	else
		good = envelope_decode(buf_str(&whole), a, e, why) == 0;
	buf_free(&whole);
	return good;
}

int filter_control_added(
    struct str before, struct str after, struct arena *a, struct buf *added, const char **why)
{
	struct envelope e;
	struct str rest = str_skip(after, before.n), line;
	*why = "its beginning has changed";
	if (!str_starts(after, before))
		return -1;
	*why = "the last record has no end";
	if (rest.n && rest.p[rest.n - 1] != '\n')
		return -1;
	*why = "too long";
	if (rest.n > FILTER_ADDED_MAX)
		return -1;
	while (str_split(&rest, '\n', &line))
		if (may_add(line)) {
			buf_adds(added, line);
			buf_addc(added, '\n');
		}
	if (added->failed)
		return -1;
	return added->n == 0 || still_good(before, buf_str(added), a, &e, why) ? 0 : -1;
}
