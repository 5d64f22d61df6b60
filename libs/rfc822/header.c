#include "config.h"

#include "rfc822/rfc822.h"

/* Length of the line at the start of s with its end. */
static size_t line_length(struct str s)
{
	ptrdiff_t lf = str_chr(s, '\n');
	return lf < 0 ? s.n : (size_t)lf + 1;
}

static bool empty_line(struct str s)
{
	return str_starts(s, STR("\n")) || str_starts(s, STR("\r\n"));
}

size_t header_length(struct str message, size_t *body)
{
	struct str rest = message;
	while (rest.n && !empty_line(rest))
		rest = str_skip(rest, line_length(rest));
	size_t n = message.n - rest.n;
	if (body)
		*body = n + (rest.n ? line_length(rest) : 0);
	return n;
}

static struct str without_eol(struct str s)
{
	if (str_ends(s, STR("\n")))
		s.n--;
	if (str_ends(s, STR("\r")))
		s.n--;
	return s;
}

/* Blanks between name and colon are obsolete syntax, but syntax. */
static struct str field_name(struct str s)
{
	size_t i = 0;
	while (
	    i < s.n && (unsigned char)s.p[i] > 32 && (unsigned char)s.p[i] < 127 && s.p[i] != ':')
		i++;
	size_t n = i;
	while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\t'))
		i++;
	return i < s.n && s.p[i] == ':' ? str_head(s, n) : STR_NONE;
}

bool header_next(struct str *rest, struct header_field *f)
{
	if (rest->n == 0 || empty_line(*rest))
		return false;
	size_t n = line_length(*rest);
	while (n < rest->n && (rest->p[n] == ' ' || rest->p[n] == '\t'))
		n += line_length(str_skip(*rest, n));
	f->raw = str_head(*rest, n);
	f->name = field_name(f->raw);
	f->body = without_eol(f->raw);
	if (f->name.n) {
		size_t colon = (size_t)str_chr(f->raw, ':');
		f->body = str_skip(f->body, colon + 1);
	} else {
		f->name = STR_NONE;
	}
	*rest = str_skip(*rest, n);
	return true;
}

bool header_next_named(struct str *rest, const char *name, struct header_field *f)
{
	while (header_next(rest, f))
		if (str_iis(f->name, name))
			return true;
	return false;
}

bool header_find(struct str block, const char *name, struct header_field *f)
{
	return header_next_named(&block, name, f);
}

struct str header_unfold(struct arena *a, struct str body)
{
	body = str_trim(body);
	if (body.n == 0)
		return STR("");
	if (str_chr(body, '\n') < 0)
		return body;
	char *p = arena_alloc(a, body.n + 1);
	if (!p)
		return STR_NONE;
	size_t n = 0;
	for (size_t i = 0; i < body.n; i++) {
		bool crlf = body.p[i] == '\r' && i + 1 < body.n && body.p[i + 1] == '\n';
		if (body.p[i] != '\n' && !crlf)
			p[n++] = body.p[i];
	}
	p[n] = 0;
	return str_at(p, n);
}
