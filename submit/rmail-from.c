#include "submit/rmail.h"

static bool from_line(struct str line, struct str *user, struct str *node)
{
	struct str rest = line;
	ptrdiff_t at;
	*node = STR_NONE;
	if (str_starts(rest, STR(">")))
		rest = str_skip(rest, 1);
	if (!str_starts(rest, STR("From ")))
		return false;
	rest = str_skip(rest, 5);
	if (!str_word(&rest, user))
		return false;
	if ((at = str_find(rest, STR("remote from "))) >= 0)
		*node = str_trim(str_skip(rest, (size_t)at + 12));
	return true;
}

struct str rmail_sender(struct arena *a, struct str message)
{
	struct str line, user = STR_NONE, node, u;
	struct buf path;
	buf_init(&path, 4096);
	for (unsigned i = 0; i < RMAIL_LINES_MAX && str_split(&message, '\n', &line); i++) {
		if (!from_line(line, &u, &node))
			break;
		user = u;
		if (node.n)
			buf_addf(&path, "%.*s!", STR_FMT(node));
	}
	if (str_is(user, "<>"))
		user = STR_NONE;
	if (user.n == 0 || !buf_adds(&path, user))
		buf_clear(&path);
	struct str s = arena_str(a, buf_str(&path));
	buf_free(&path);
	return s;
}
