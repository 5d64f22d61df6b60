/* makemime: makes MIME sections of files, and collections of sections (RFC 2045, 2046). */
#include "config.h"

#include "maildrop/makemime.h"
#include "rfc822/rfc822.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

/* ---- which encoding -------------------------------------------------------------------------- */

struct content {
	bool nul, eight_bit, long_line;
	size_t odd; /* bytes that quoted-printable would write as three */
};

static struct content look(struct str s)
{
	struct content c = {0};
	size_t column = 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char ch = (unsigned char)s.p[i];
		c.nul |= ch == 0;
		c.eight_bit |= ch >= 0x80;
		c.odd += ch >= 0x80 || (ch < 0x20 && ch != '\n' && ch != '\t' && ch != '\r');
		column = ch == '\n' ? 0 : column + 1;
		c.long_line |= column > MIME_LINE_MAX;
	}
	return c;
}

static const char *encoding_for(struct str s)
{
	struct content c = look(s);
	if (c.nul || c.odd > s.n / 3)
		return "base64";
	if (c.long_line)
		return "quoted-printable";
	return c.eight_bit ? "8bit" : "7bit";
}

/* ---- sections -------------------------------------------------------------------------------- */

static void add_fields(const struct piece *p, struct buf *out)
{
	for (size_t i = 0; i < p->fields.n; i++)
		buf_addf(out, "%s\n", p->fields.v[i]);
}

/* name="...", or as RFC 2231 has it when there is more in it than ASCII. */
static void add_name(const struct piece *p, struct buf *out)
{
	struct str name = str_of(p->name);
	if (!str_has_8bit(name)) {
		buf_addz(out, ";\n  name=\"");
		for (size_t i = 0; i < name.n; i++) {
			if (strchr("\"\\", name.p[i]))
				buf_addc(out, '\\');
			buf_addc(out, name.p[i]);
		}
		buf_addc(out, '"');
		return;
	}
	buf_addf(out, ";\n  name*=%s''", p->charset ? p->charset : "utf-8");
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];
		if (ascii_alnum(c) || c == '.' || c == '-' || c == '_')
			buf_addc(out, (char)c);
		else
			buf_addf(out, "%%%02X", c);
	}
}

static void encode(struct str s, enum mime_cte cte, struct buf *out)
{
	struct mime_encoder e;
	mime_encoder_init(&e, cte, "\n");
	if (!mime_encode(&e, s, out) || !mime_encode_end(&e, out)) {
		errno = EFBIG;
		makemime_fail("the result");
	}
}

static void make_section(const struct piece *p, struct str in, struct buf *out)
{
	const char *encoding = p->encoding ? p->encoding : encoding_for(in), *type = p->type;
	enum mime_cte cte = mime_cte_parse(str_of(encoding));
	if (cte == MIME_UNKNOWN || cte == MIME_BINARY)
		makemime_refuse("no encoding that mail knows:", encoding);
	if (str_iis(str_of(type), "auto"))
		type = cte == MIME_BASE64 ? "application/octet-stream" : "text/plain";
	add_fields(p, out);
	buf_addf(out, "Content-Type: %s", type);
	if (p->charset)
		buf_addf(out, "; charset=\"%s\"", p->charset);
	if (p->name)
		add_name(p, out);
	buf_addf(out, "\nContent-Transfer-Encoding: %s\n\n", encoding);
	encode(in, cte, out);
}

/* ---- collections ----------------------------------------------------------------------------- */

static void make_boundary(struct str a, struct str b, char *text, size_t size)
{
	do {
		uint64_t n = random_u64();
		snprintf(text, size, "=_%016llx", (unsigned long long)n);
	} while (str_find(a, str_of(text)) >= 0 || str_find(b, str_of(text)) >= 0);
}

static void add_section(struct str section, const char *boundary, struct buf *out)
{
	buf_addf(out, "\n--%s\n", boundary);
	buf_adds(out, section);
}

static void make_collection(const struct piece *p, struct str in, struct buf *out)
{
	char boundary[32];
	make_boundary(in, STR_NONE, boundary, sizeof boundary);
	add_fields(p, out);
	buf_addf(out, "Content-Type: %s; boundary=\"%s\"\nContent-Transfer-Encoding: %s\n\n",
	    p->type, boundary, p->encoding ? p->encoding : "8bit");
	buf_addz(out,
	    "This is a collection of parts in MIME format; a program that shows this text "
	    "does\nnot know how to take it apart.\n");
	add_section(in, boundary, out);
	buf_addf(out, "\n--%s--\n", boundary);
}

/* The collection goes on where its last boundary stands: that line becomes one between sections,
 * and the boundary stays unless the new section happens to hold it. */
static void join(struct str collection, struct str section, struct buf *out)
{
	struct arena *a = arena_new(64 << 20);
	struct mime_result r;
	if (!a || mime_parse(a, collection, &mime_default_limits, &r) < 0) {
		errno = ENOMEM;
		makemime_fail("the collection");
	}
	struct str boundary =
	    r.root->multipart ? mime_param_raw(r.root->params, "boundary") : STR_NONE;
	if (!boundary.n)
		makemime_refuse("-j wants a collection that -m has made first", NULL);
	char last[MIME_BOUNDARY_MAX + 8];
	int n = snprintf(last, sizeof last, "\n--%.*s--", STR_FMT(boundary));
	ptrdiff_t end = -1, at;
	for (size_t from = 0;
	     (at = str_find(str_skip(collection, from), str_at(last, (size_t)n))) >= 0;
	     from = (size_t)end + 1)
		end = (ptrdiff_t)from + at;
	if (end < 0)
		makemime_refuse("the collection has no last boundary", NULL);
	if (str_find(section, str_at(last + 1, (size_t)n - 3)) >= 0)
		makemime_refuse("the section holds the collection's own boundary", NULL);
	buf_adds(out, str_head(collection, (size_t)end));
	buf_addf(out, "\n--%.*s\n", STR_FMT(boundary));
	buf_adds(out, section);
	buf_addf(out, "\n--%.*s--\n", STR_FMT(boundary));
	arena_free(a);
}

/* ---- the tree -------------------------------------------------------------------------------- */

static void write_out(const char *file, struct str s)
{
	int fd = 1;
	uint64_t n;
	if (file && *file == '&' && str_u64(str_of(file + 1), &n) && n < 1024)
		fd = (int)n;
	else if (file && strcmp(file, "-") != 0)
		fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0 || file_write_all(fd, s.p, s.n) < 0 || (fd > 2 && close(fd) < 0)) {
		fprintf(stderr, "makemime: cannot write '%s': %s\n", file ? file : "-",
		    strerror(errno));
		exit(EX_CANTCREAT);
	}
}

static struct str make(const struct piece *p, bool outermost);

static struct str input(const struct source *s)
{
	return s->piece ? make(s->piece, false) : makemime_read(s->file);
}

/* What is made of a piece in parentheses goes to its reader, and to its own -o as well. */
static struct str make(const struct piece *p, bool outermost)
{
	struct buf out;
	buf_init(&out, (size_t)MAKEMIME_INPUT_MAX * 2);
	struct str first = input(&p->in[0]);
	if (p->kind == 'c')
		make_section(p, first, &out);
	else if (p->kind == 'm')
		make_collection(p, first, &out);
	else
		join(first, input(&p->in[1]), &out);
	if (outermost || p->output)
		write_out(p->output, buf_str(&out));
	return buf_str(&out);
}

int main(int argc, char **argv)
{
	make(makemime_words(argc, argv), true);
	return 0;
}
