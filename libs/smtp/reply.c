/* The table of replies, and their lines. */
#include "config.h"
#include "smtp/reply.h"

enum { REPLY_TEXT_MAX = 500, REPLY_FALLBACK = 451 };

#define ROW(id, code, enhanced, text) [SMTP_R_##id] = {code, enhanced, text},
static const struct smtp_reply replies[SMTP_R_COUNT] = {SMTP_REPLIES(ROW)};
#undef ROW

const struct smtp_reply *smtp_reply(enum smtp_reply_id id)
{
	return id > SMTP_R_NONE && id < SMTP_R_COUNT ? &replies[id] : NULL;
}

static void put_clean(struct buf *out, struct str text)
{
	text = str_head(text, REPLY_TEXT_MAX);
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		buf_addc(out, (char)(c < 0x20 || c == 0x7f ? ' ' : c));
	}
}

static void put_line(
    struct buf *out, unsigned code, bool last, struct str enhanced, struct str line)
{
	buf_addf(out, "%u%c", code, last ? ' ' : '-');
	if (enhanced.n) {
		put_clean(out, enhanced);
		buf_addc(out, ' ');
	}
	put_clean(out, line);
	buf_addz(out, "\r\n");
}

void smtp_reply_put(struct buf *out, unsigned code, struct str enhanced, struct str text)
{
	struct str line;

	if (code < 200 || code > 599)
		code = REPLY_FALLBACK;
	while (text.n && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
		text.n--;
	if (!str_split(&text, '\n', &line))
		line = STR_NONE;
	for (;;) {
		bool last = text.n == 0;

		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		put_line(out, code, last, enhanced, line);
		if (last || !str_split(&text, '\n', &line))
			break;
	}
}

void smtp_reply_put_id(struct buf *out, enum smtp_reply_id id)
{
	const struct smtp_reply *r = smtp_reply(id);

	if (r)
		smtp_reply_put(out, r->code, str_of(r->enhanced), str_of(r->text));
}

bool smtp_reply_line_parse(struct str line, struct smtp_reply_line *out)
{
	unsigned code = 0;

	if (line.n < 3)
		return false;
	for (size_t i = 0; i < 3; i++) {
		if (!ascii_digit((unsigned char)line.p[i]))
			return false;
		code = code * 10 + (unsigned)(line.p[i] - '0');
	}
	if (code < 200 || code > 599 || (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-'))
		return false;
	out->code = (uint16_t)code;
	out->last = line.n == 3 || line.p[3] == ' ';
	out->text = str_skip(line, 4);
	return true;
}

static bool digits(struct str *s, size_t max)
{
	size_t n = 0;

	while (n < s->n && ascii_digit((unsigned char)s->p[n]))
		n++;
	if (n == 0 || n > max)
		return false;
	*s = str_skip(*s, n);
	return true;
}

static bool dot(struct str *s)
{
	if (!s->n || s->p[0] != '.')
		return false;
	*s = str_skip(*s, 1);
	return true;
}

bool smtp_enhanced_cut(struct str *text, uint16_t code, struct str *enhanced)
{
	struct str s = *text;

	if (!s.n || s.p[0] != (char)('0' + code / 100))
		return false;
	if (!digits(&s, 1) || !dot(&s) || !digits(&s, 3) || !dot(&s) || !digits(&s, 3))
		return false;
	if (s.n && s.p[0] != ' ')
		return false;
	*enhanced = str_at(text->p, text->n - s.n);
	*text = str_skip(s, s.n ? 1 : 0);
	return true;
}
