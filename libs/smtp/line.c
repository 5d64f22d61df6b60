/* Lines: only CRLF ends one. */
#include "config.h"
#include "smtp/smtp.h"

void smtp_lines_init(struct smtp_lines *l, size_t max)
{
	*l = (struct smtp_lines){.max = max};
}

/* Passes over the rest of a line that was refused.  True when its CRLF was found. */
static bool skip_line(struct smtp_lines *l, struct str in, size_t *used)
{
	ptrdiff_t at = str_find(in, STR("\r\n"));

	if (at >= 0) {
		*used = (size_t)at + 2;
		l->skipping = false;
		return true;
	}
	*used = in.n;
	if (in.n && in.p[in.n - 1] == '\r') /* the LF may still come */
		(*used)--;
	return false;
}

/* Offset of the next CR or LF at or after `from`, or in.n. */
static size_t next_end(struct str in, size_t from)
{
	const char *cr, *lf;

	if (from >= in.n)
		return in.n;
	lf = memchr(in.p + from, '\n', in.n - from);
	cr = memchr(in.p + from, '\r', lf ? (size_t)(lf - in.p) - from : in.n - from);
	if (cr)
		return (size_t)(cr - in.p);
	return lf ? (size_t)(lf - in.p) : in.n;
}

static enum smtp_line refuse(struct smtp_lines *l, enum smtp_line why, size_t *used, size_t n)
{
	l->skipping = true;
	l->scanned = 0;
	*used = n;
	return why;
}

enum smtp_line smtp_lines_next(struct smtp_lines *l, struct str in, struct str *line, size_t *used)
{
	size_t at, skipped = 0;

	*used = 0;
	if (l->skipping) {
		if (!skip_line(l, in, used))
			return SMTP_LINE_MORE;
		skipped = *used;
		in = str_skip(in, skipped);
	}
	at = next_end(in, l->scanned);
	if (at + 2 > l->max) /* no room left for its CRLF */
		return refuse(l, SMTP_LINE_TOO_LONG, used, skipped + at);
	if (at == in.n || (in.p[at] == '\r' && at + 1 == in.n)) {
		l->scanned = at;
		return SMTP_LINE_MORE;
	}
	if (in.p[at] == '\n' || in.p[at + 1] != '\n')
		return refuse(l, SMTP_LINE_BARE, used, skipped + at + 1);
	l->scanned = 0;
	*line = str_head(in, at);
	*used = skipped + at + 2;
	return SMTP_LINE_READY;
}
