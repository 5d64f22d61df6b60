#include "config.h"

#include "fax/fax.h"
#include "unicode/unicode.h"

enum { TAB_WIDTH = 8 };

bool fax_text_layout(struct str text, struct buf *out)
{
	size_t column = 0;
	while (text.n) {
		uint32_t cp;
		size_t n = utf8_next(text, &cp);
		struct str c = n ? str_head(text, n) : STR("?");
		text = str_skip(text, n ? n : 1);
		if (n == 1 && (cp == '\n' || cp == '\f')) {
			buf_addc(out, (char)cp);
			column = 0;
			continue;
		}
		size_t width = n == 1 && cp == '\t' ? TAB_WIDTH - column % TAB_WIDTH : 1;
		if ((cp < 0x20 && !(n == 1 && cp == '\t')) || (cp >= 0x7f && cp < 0xa0))
			continue;
		if (column + width > FAX_COLUMNS) {
			buf_addc(out, '\n');
			column = 0;
		}
		for (size_t i = 0; width > 1 && i < width; i++)
			buf_addc(out, ' ');
		if (width == 1)
			buf_adds(out, cp == '\t' ? STR(" ") : c);
		column += width;
	}
	return !out->failed;
}

bool fax_troff_line(struct str line, struct buf *out)
{
	buf_addz(out, "\\&");
	for (size_t i = 0; i < line.n; i++) {
		unsigned char c = (unsigned char)line.p[i];
		if (c == '\\')
			buf_addz(out, "\\e");
		else if (c >= ' ' && c != 0x7f)
			buf_addc(out, (char)c);
	}
	return !out->failed;
}

static void define(struct buf *out, const char *name, struct str value)
{
	buf_addf(out, ".ds %s \"", name);
	fax_troff_line(str_head(value, utf8_cut(value, 500)), out);
	buf_addc(out, '\n');
}

/* The text as a macro, so that the template says where it goes. */
static void define_text(struct buf *out, struct str text)
{
	struct str line;
	buf_addz(out, ".de FaxText\n");
	while (str_split(&text, '\n', &line)) {
		fax_troff_line(line, out);
		buf_addc(out, '\n');
	}
	buf_addz(out, "..\n");
}

bool fax_cover_compose(const struct fax_cover *c, struct str template, struct buf *out)
{
	define(out, "FaxFrom", c->from);
	define(out, "FaxTo", c->to);
	define(out, "FaxSubject", c->subject);
	define(out, "FaxDate", c->date);
	define(out, "FaxNumber", c->number);
	buf_addf(out, ".nr FaxPages %u\n", c->pages);
	define_text(out, c->text);
	buf_adds(out, template);
	return !out->failed;
}
