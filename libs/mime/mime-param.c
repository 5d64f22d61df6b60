/* Values of parameters (RFC 2231). */
#include "config.h"

#include "mime/mime-private.h"
#include "unicode/unicode.h"

#include <stdio.h>

struct str mime_param_raw(const struct mime_param *params, const char *name)
{
	for (const struct mime_param *p = params; p; p = p->next)
		if (str_is(p->name, name))
			return p->value;
	return STR_NONE;
}

/* "name*0", "name*0*": section n of a value; extended: with %XX in it. */
static bool section(const struct mime_param *params, const char *name, unsigned n,
    struct str *value, bool *extended)
{
	char want[128];
	int k = snprintf(want, sizeof want, "%s*%u*", name, n);
	if (k < 0 || (size_t)k >= sizeof want)
		return false;
	*value = mime_param_raw(params, want);
	*extended = value->p != NULL;
	if (!*extended) {
		want[k - 1] = 0;
		*value = mime_param_raw(params, want);
	}
	return value->p != NULL;
}

static void add_extended(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		int h = s.p[i] == '%' && i + 2 < s.n ? hex_digit((unsigned char)s.p[i + 1]) : -1;
		int l = h >= 0 ? hex_digit((unsigned char)s.p[i + 2]) : -1;
		buf_addc(out, l >= 0 ? (char)(h << 4 | l) : s.p[i]);
		i += l >= 0 ? 2 : 0;
	}
}

/* Takes "charset'language'" off the front; without it the value is what it is. */
static struct str cut_charset(struct str *s)
{
	ptrdiff_t one = str_chr(*s, '\'');
	if (one < 0)
		return STR("");
	struct str charset = str_head(*s, (size_t)one), rest = str_skip(*s, (size_t)one + 1);
	ptrdiff_t two = str_chr(rest, '\'');
	if (two < 0)
		return STR("");
	*s = str_skip(rest, (size_t)two + 1);
	return charset;
}

static void no_controls(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] == 0 || p[i] == '\r' || p[i] == '\n')
			p[i] = ' ';
}

static struct str converted(struct arena *a, struct str charset, struct buf *bytes)
{
	no_controls(bytes->p, bytes->n);
	struct str s = charset_to_utf8(a, charset, buf_str(bytes));
	return s.p ? s : charset_to_utf8(a, STR(""), buf_str(bytes));
}

static size_t total(const struct mime_param *params)
{
	size_t n = 0;
	for (const struct mime_param *p = params; p; p = p->next)
		n += p->value.n;
	return n;
}

static struct str joined(struct arena *a, const struct mime_param *params, const char *name)
{
	struct buf bytes;
	struct str charset = STR(""), v;
	bool extended;
	buf_init(&bytes, total(params) + 1);
	for (unsigned n = 0; section(params, name, n, &v, &extended); n++) {
		if (extended && n == 0)
			charset = cut_charset(&v);
		if (extended)
			add_extended(&bytes, v);
		else
			buf_adds(&bytes, v);
	}
	struct str s = converted(a, charset, &bytes);
	buf_free(&bytes);
	return s;
}

static struct str extended_alone(struct arena *a, struct str v)
{
	struct buf bytes;
	buf_init(&bytes, v.n + 1);
	struct str charset = cut_charset(&v);
	add_extended(&bytes, v);
	struct str s = converted(a, charset, &bytes);
	buf_free(&bytes);
	return s;
}

struct str mime_param_value(struct arena *a, const struct mime_param *params, const char *name)
{
	char want[128];
	struct str v;
	bool extended;
	int k = snprintf(want, sizeof want, "%s*", name);
	if (k < 0 || (size_t)k >= sizeof want)
		return STR_NONE;
	v = mime_param_raw(params, want);
	if (v.p)
		return extended_alone(a, v);
	if (section(params, name, 0, &v, &extended))
		return joined(a, params, name);
	v = mime_param_raw(params, name);
	return v.p ? mime_words_decode(a, v) : STR_NONE;
}
