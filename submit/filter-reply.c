#include "submit/filter-reply.h"

/* "DDD" and a dash, a blank or nothing: the code, 0 if it is none. */
static uint16_t code_of(struct str line, bool *last, struct str *text)
{
	uint64_t code;
	if (line.n < 3 || !str_u64(str_head(line, 3), &code) || code < 200 || code > 599)
		return 0;
	if (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-')
		return 0;
	*last = line.n == 3 || line.p[3] == ' ';
	*text = str_skip(line, 4);
	return (uint16_t)code;
}

/* "5.7.1" in front of a text, in the class of the code: three numbers of one to three digits. */
static struct str enhanced_of(struct str text, uint16_t code)
{
	size_t at = 0;
	for (int part = 0; part < 3; part++) {
		size_t from = at;
		while (at < text.n && at < from + 3 && ascii_digit((unsigned char)text.p[at]))
			at++;
		if (at == from || (part == 0 && (at != 1 || text.p[0] != '0' + code / 100)))
			return STR_NONE;
		if (part < 2 && (at >= text.n || text.p[at++] != '.'))
			return STR_NONE;
	}
	return at == text.n || text.p[at] == ' ' ? str_head(text, at) : STR_NONE;
}

struct collecting {
	struct buf text;
	struct str enhanced; /* of the first line */
	unsigned lines;
};

static void add_line(struct collecting *c, struct str text, uint16_t code)
{
	struct str e = enhanced_of(text, code);
	if (c->lines == 0)
		c->enhanced = e;
	if (e.n)
		text = str_skip(text, e.n + 1);
	text = str_head(str_trim(text), FILTER_REPLY_LINE);
	if (c->lines++)
		buf_addc(&c->text, '\n');
	for (size_t i = 0; i < text.n; i++) {
		unsigned char b = (unsigned char)text.p[i];
		buf_addc(&c->text, b == '\t' ? ' ' : b < 0x20 || b >= 0x7f ? '?' : (char)b);
	}
}

static bool give(struct collecting *c, uint16_t code, struct arena *a, struct gate_reply *out)
{
	struct str usual = code < 300 ? STR("2.0.0") : code < 500 ? STR("4.7.1") : STR("5.7.1");
	*out = (struct gate_reply){.code = code};
	out->enhanced = arena_str(a, c->enhanced.n ? c->enhanced : usual);
	out->text = arena_str(a, buf_str(&c->text));
	bool good = !c->text.failed && out->enhanced.p && out->text.p;
	buf_free(&c->text);
	return good;
}

static bool cut_line(struct str *rest, bool end, struct str *line)
{
	ptrdiff_t lf = str_chr(*rest, '\n');
	if (lf < 0 && (!end || rest->n == 0))
		return false;
	*line = lf < 0 ? *rest : str_head(*rest, (size_t)lf);
	*rest = str_skip(*rest, lf < 0 ? rest->n : (size_t)lf + 1);
	if (line->n && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

enum filter_reply_state filter_reply_read(
    struct str in, bool end, struct arena *a, struct gate_reply *out)
{
	struct collecting c = {.lines = 0};
	struct str rest = in, line, text;
	uint16_t code = 0;
	bool last = false, bad = in.n > FILTER_REPLY_MAX;
	buf_init(&c.text, FILTER_REPLY_MAX);
	while (!bad && !last && cut_line(&rest, end, &line)) {
		bool cut = rest.n == 0 && in.p[in.n - 1] != '\n';
		uint16_t this = code_of(line, &last, &text);
		bad = this == 0 || this / 100 == 3 || (code && code / 100 != this / 100) ||
		      c.lines >= FILTER_REPLY_LINES || (cut && line.n == 3);
		code = code ? code : this;
		if (!bad)
			add_line(&c, text, code);
	}
	if (!bad && last && rest.n == 0 && give(&c, code, a, out))
		return FILTER_REPLY_DONE;
	buf_free(&c.text);
	return bad || last || end ? FILTER_REPLY_BAD : FILTER_REPLY_MORE;
}

bool filter_output_read(
    struct str output, const struct filter_refusal *how, struct arena *a, struct gate_reply *out)
{
	struct collecting c = {.lines = 0};
	struct str rest = str_trim(output), line, text;
	bool silent = rest.n == 0, last;
	uint16_t code = silent ? how->silent_code : how->code, this;
	buf_init(&c.text, FILTER_REPLY_MAX);
	struct str first = rest, own = STR_NONE;
	if (cut_line(&first, true, &line) && (this = code_of(line, &last, &text)) >= 400) {
		code = this;
		own = enhanced_of(text, code);
	}
	if (how->heading.n)
		add_line(&c, how->heading, code);
	for (unsigned n = 0; n < FILTER_REPLY_LINES && cut_line(&rest, true, &line); n++) {
		this = code_of(line, &last, &text);
		add_line(&c, this == code ? text : line, code);
	}
	if (silent)
		add_line(&c, how->silent, code);
	c.enhanced = own;
	return give(&c, code, a, out);
}
