/* The grammar of commands before a login; no state, no sockets. */
#include "config.h"

#include "login/login-parse.h"

enum { TAG_MAX = 100 };

static bool quoted(struct login_words *w, struct str *out)
{
	char *to = w->room;
	size_t i = 1;
	for (; i < w->rest.n && w->rest.p[i] != '"'; i++) {
		if (w->rest.p[i] == '\\' && ++i >= w->rest.n)
			return false;
		if (w->rest.p[i] == '\r' || w->rest.p[i] == '\n' || w->rest.p[i] == 0)
			return false;
		*to++ = w->rest.p[i];
	}
	if (i >= w->rest.n)
		return false;
	*out = str_range(w->room, to);
	w->room = to;
	w->rest = str_skip(w->rest, i + 1);
	return true;
}

static bool literal(struct login_words *w, struct str *out)
{
	ptrdiff_t close_at = str_chr(w->rest, '}');
	struct str digits = close_at < 1 ? STR_NONE : str_at(w->rest.p + 1, (size_t)close_at - 1);
	uint64_t n;
	if (str_ends(digits, STR("+")))
		digits.n--;
	if (!str_u64(digits, &n) || n > LOGIN_LITERAL_MAX)
		return false;
	struct str after = str_skip(w->rest, (size_t)close_at + 1);
	if (str_starts(after, STR("\r\n")))
		after = str_skip(after, 2);
	else if (str_starts(after, STR("\n")))
		after = str_skip(after, 1);
	if (after.n < n)
		return false;
	*out = str_head(after, n);
	w->rest = str_skip(after, n);
	return true;
}

bool login_astring(struct login_words *w, struct str *out)
{
	if (!w->rest.n || w->rest.p[0] != ' ')
		return false;
	w->rest = str_skip(w->rest, 1);
	if (w->rest.n && w->rest.p[0] == '"')
		return quoted(w, out);
	if (w->rest.n && w->rest.p[0] == '{')
		return literal(w, out);
	size_t n = 0;
	while (n < w->rest.n && w->rest.p[n] != ' ' && !memchr("(){\"\\", w->rest.p[n], 6) &&
	       (unsigned char)w->rest.p[n] > 0x20 && w->rest.p[n] != 0x7f)
		n++;
	*out = str_head(w->rest, n);
	w->rest = str_skip(w->rest, n);
	return n > 0;
}

bool login_tag_ok(struct str t)
{
	for (size_t i = 0; i < t.n; i++)
		if ((unsigned char)t.p[i] <= 0x20 || (unsigned char)t.p[i] >= 0x7f ||
		    memchr("(){%*\"\\+", t.p[i], 8))
			return false;
	return t.n > 0 && t.n <= TAG_MAX;
}

/* "{N}" or "{N+}" at the end of a line: does it announce a literal? */
static bool announces(struct str line, uint64_t *size, bool *at_once)
{
	ptrdiff_t brace = str_ends(line, STR("}")) ? str_rchr(line, '{') : -1;
	struct str digits =
	    brace < 0 ? STR_NONE : str_at(line.p + brace + 1, line.n - (size_t)brace - 2);
	*at_once = str_ends(digits, STR("+"));
	digits.n -= *at_once;
	for (size_t i = 0; i < digits.n; i++)
		if (!ascii_digit((unsigned char)digits.p[i]))
			return false;
	if (!str_u64(digits, size))
		*size = UINT64_MAX;
	return digits.n > 0;
}

ptrdiff_t login_command_length(struct str in, size_t *end, bool *ask)
{
	size_t at = 0;
	*ask = false;
	for (;;) {
		struct str rest = str_skip(in, at);
		ptrdiff_t lf = str_chr(rest, '\n');
		uint64_t size;
		bool at_once;
		if (lf < 0)
			return 0;
		size_t n = (size_t)lf, stop = n && rest.p[n - 1] == '\r' ? n - 1 : n;
		if (!announces(str_head(rest, stop), &size, &at_once)) {
			*end = n + 1 - stop;
			return (ptrdiff_t)(at + stop);
		}
		if (size > LOGIN_LITERAL_MAX)
			return -1;
		at += n + 1;
		if (in.n == at || in.n - at < size) {
			*ask = !at_once && in.n == at;
			return 0;
		}
		at += size;
	}
}
