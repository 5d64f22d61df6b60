#include "config.h"

#include "filters/filter-request.h"

enum { CODE_MIN = 200, CODE_MAX = 599, CODE_FAULT = 451 };

static enum filter_parse bad(const char **why, const char *text)
{
	*why = text;
	return FILTER_BAD;
}

static const char *line_wrong(struct str line)
{
	if (line.n > FILTER_PATH_MAX)
		return "a path is too long";
	if (memchr(line.p, 0, line.n))
		return "a path holds a NUL byte";
	return NULL;
}

/* The paths up to the empty line; that they end with one is known. */
static enum filter_parse take(
    struct arena *a, struct str in, size_t lines, struct filter_paths *out, const char **why)
{
	struct str line;
	out->n = 0;
	out->controls = arena_alloc(a, lines * sizeof *out->controls);
	for (size_t i = 0; i < lines && str_split(&in, '\n', &line); i++) {
		const char *path = arena_strz(a, line);
		if (!path || !out->controls)
			return bad(why, "the request is too large");
		if (!i)
			out->data = path;
		else
			out->controls[out->n++] = path;
	}
	return FILTER_READY;
}

enum filter_parse filter_request_parse(
    struct arena *a, struct str in, struct filter_paths *out, const char **why)
{
	struct str rest = in;
	size_t lines = 0;
	for (const char *lf; rest.n && (lf = memchr(rest.p, '\n', rest.n));) {
		struct str line = str_range(rest.p, lf);
		if (!line.n && lines < 2)
			return bad(why, "a data file and a control file are expected");
		if (!line.n)
			return take(a, in, lines, out, why);
		if ((*why = line_wrong(line)))
			return FILTER_BAD;
		if (++lines > FILTER_CONTROLS_MAX + 1)
			return bad(why, "there are too many control files");
		rest = str_skip(rest, line.n + 1);
	}
	if (rest.n > FILTER_PATH_MAX)
		return bad(why, "a path is too long");
	return FILTER_MORE;
}

static void add_text(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		buf_addc(out, c < ' ' || c == 127 ? ' ' : (char)c);
	}
}

void filter_reply_put(struct buf *out, unsigned code, struct str enhanced, struct str text)
{
	struct str line = STR_NONE, next = STR_NONE;
	unsigned lines = 0;
	if (code < CODE_MIN || code > CODE_MAX) {
		code = CODE_FAULT;
		enhanced = STR("4.3.0");
	}
	bool more = str_split(&text, '\n', &line);
	do {
		more = more && ++lines < FILTER_REPLY_LINES_MAX && str_split(&text, '\n', &next);
		buf_addf(out, "%u%c", code, more ? '-' : ' ');
		if (enhanced.n) {
			buf_adds(out, enhanced);
			buf_addc(out, ' ');
		}
		add_text(out, str_head(line, FILTER_REPLY_LINE_MAX));
		buf_addc(out, '\n');
		line = next;
	} while (more);
}
