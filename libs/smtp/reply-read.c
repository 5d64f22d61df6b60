#include "smtp/reply-read.h"
#include "smtp/smtp.h"

void reply_init(struct reply *r)
{
	*r = (struct reply){0};
	buf_init(&r->text, REPLY_MULTI_TEXT_MAX);
}

void reply_free(struct reply *r)
{
	buf_free(&r->text);
}

static void keep(struct reply *r, struct str text)
{
	size_t max = r->code == REPLY_MULTI ? REPLY_MULTI_TEXT_MAX : REPLY_TEXT_MAX;
	if (r->lines && r->text.n < max)
		buf_addc(&r->text, '\n');
	size_t from = r->text.n;
	buf_adds(&r->text, str_head(text, max - r->text.n));
	for (size_t i = from; i < r->text.n; i++) {
		unsigned char c = (unsigned char)r->text.p[i];
		if (c < ' ' || c == 127)
			r->text.p[i] = ' ';
	}
}

static enum reply_state one_line(struct reply *r, struct str line)
{
	struct smtp_reply_line l;
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (!smtp_reply_line_parse(line, &l) || (r->lines && l.code != r->code))
		return REPLY_BROKEN;
	r->code = l.code;
	keep(r, l.text);
	r->lines++;
	r->whole = l.last;
	if (!l.last && r->lines >= REPLY_LINES_MAX)
		return REPLY_BROKEN;
	return l.last ? REPLY_READY : REPLY_MORE;
}

enum reply_state reply_feed(struct reply *r, struct str in, size_t *used)
{
	enum reply_state st = REPLY_MORE;
	*used = 0;
	if (r->whole) {
		r->whole = false;
		r->lines = 0;
		r->code = 0;
		buf_clear(&r->text);
	}
	while (st == REPLY_MORE) {
		struct str rest = str_skip(in, *used);
		ptrdiff_t lf = str_chr(str_head(rest, REPLY_LINE_MAX), '\n');
		if (lf < 0)
			return rest.n >= REPLY_LINE_MAX ? REPLY_BROKEN : REPLY_MORE;
		*used += (size_t)lf + 1;
		st = one_line(r, str_head(rest, (size_t)lf));
	}
	return st;
}

bool reply_inner(struct str *rest, uint16_t *code, struct buf *text)
{
	struct smtp_reply_line l;
	struct str line;
	unsigned n = 0;
	buf_clear(text);
	do {
		if (!str_split(rest, '\n', &line) || !smtp_reply_line_parse(line, &l) ||
		    (n && l.code != *code))
			return false;
		*code = l.code;
		if (n++)
			buf_addc(text, '\n');
		buf_adds(text, l.text);
	} while (!l.last);
	return true;
}
