#include "config.h"

#include "imapd/preview.h"
#include "unicode/unicode.h"

struct writer {
	struct buf *out;
	unsigned chars;
	bool blank; /* one is owed */
};

static bool full(const struct writer *w)
{
	return w->chars >= PREVIEW_CHARS;
}

static void put_blank(struct writer *w)
{
	w->blank = w->chars > 0;
}

static void put(struct writer *w, struct str c, uint32_t cp)
{
	if (cp <= ' ' || cp == 0x7f || cp == 0xa0) {
		put_blank(w);
		return;
	}
	if (w->blank) {
		buf_addc(w->out, ' ');
		w->chars++;
		w->blank = false;
	}
	if (full(w))
		return;
	buf_adds(w->out, c);
	w->chars++;
}

/* What is no UTF-8 is left out. */
static void put_all(struct writer *w, struct str s)
{
	while (s.n && !full(w)) {
		uint32_t cp = ' ';
		size_t n = utf8_next(s, &cp);
		if (n)
			put(w, str_head(s, n), cp);
		s = str_skip(s, n ? n : 1);
	}
}

static void plain(struct writer *w, struct str s)
{
	struct str line;
	while (!full(w) && str_split(&s, '\n', &line)) {
		if (line.n && line.p[0] == '>')
			continue;
		put_all(w, line);
		put_blank(w);
	}
}

/* ---- HTML: what can be told without understanding it ---- */

static struct str after(struct str s, const char *what)
{
	ptrdiff_t at = str_ifind(s, str_of(what));
	return at < 0 ? STR_NONE : str_skip(s, (size_t)at + strlen(what));
}

/* The text behind a tag, or behind all that belongs to it. */
static struct str skip_tag(struct str s)
{
	if (str_starts(s, STR("<!--")))
		return after(s, "-->");
	if (str_istarts(s, STR("<style")))
		return after(after(s, "</style"), ">");
	if (str_istarts(s, STR("<script")))
		return after(after(s, "</script"), ">");
	if (str_istarts(s, STR("<title")))
		return after(after(s, "</title"), ">");
	return after(s, ">");
}

static struct str entity(struct writer *w, struct str s)
{
	static const struct {
		const char *name, *text;
	} known[] = {
	    {"&amp;", "&"},
	    {"&lt;", "<"},
	    {"&gt;", ">"},
	    {"&quot;", "\""},
	    {"&apos;", "'"},
	    {"&#39;", "'"},
	    {"&nbsp;", " "},
	    {"&#160;", " "},
	};
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_istarts(s, str_of(known[i].name))) {
			put_all(w, str_of(known[i].text));
			return str_skip(s, strlen(known[i].name));
		}
	put_all(w, STR("&"));
	return str_skip(s, 1);
}

static void html(struct writer *w, struct str s)
{
	while (s.n && !full(w)) {
		size_t n = 0;
		while (n < s.n && s.p[n] != '<' && s.p[n] != '&')
			n++;
		put_all(w, str_head(s, n));
		s = str_skip(s, n);
		if (s.n && s.p[0] == '<') {
			put_blank(w);
			s = skip_tag(s);
		} else if (s.n) {
			s = entity(w, s);
		}
	}
}

void preview_text(struct str utf8, bool is_html, struct buf *out)
{
	struct writer w = {.out = out};
	if (is_html)
		html(&w, utf8);
	else
		plain(&w, utf8);
}
